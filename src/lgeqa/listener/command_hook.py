"""A command that gets the records of a result."""

import json
import subprocess

from lgeqa.listener.destination import Delivery
from lgeqa.listener.errors import DeliveryError
from lgeqa.listener.settings import CommandSettings


class CommandHook:
    """Destination that runs a program with its arguments, and JSON on standard input. No shell is involved.

    Its error output joins the listener's, and its standard output is dropped.
    """

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings

    @property
    def name(self) -> str:
        """Name in the settings."""
        return self._settings.name

    def deliver(self, delivery: Delivery) -> str:
        """Run the command.

        Raises:
            DeliveryError: It cannot be started, takes too long, or ends with another exit code than 0.
        """
        values = {"{folder}": str(delivery.folder), "{id}": delivery.id}
        arguments = [_filled(argument, values) for argument in self._settings.command]
        where = f"The command {self.name} ({arguments[0]})"
        message = json.dumps(delivery.message()).encode()
        try:
            done = subprocess.run(
                arguments, input=message, stdout=subprocess.DEVNULL, timeout=self._settings.timeout, check=False
            )
        except OSError as error:
            raise DeliveryError(
                f"{where} cannot be started ({error.strerror}). Check its path and permissions."
            ) from None
        except subprocess.TimeoutExpired:
            raise DeliveryError(f"{where} took longer than {self._settings.timeout:g} s. Raise its timeout.") from None
        if done.returncode:
            raise DeliveryError(f"{where} ended with exit code {done.returncode}. See what it printed above.")
        return "exit code 0"


def _filled(argument: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        argument = argument.replace(name, value)
    return argument
