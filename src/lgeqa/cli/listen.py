"""`lgeqa listen`: the listener beside the scanner."""

import logging
import os
import signal
import sys
import time
import warnings
from pathlib import Path
from threading import Event
from typing import Annotated, Final

import typer

from lgeqa.cli.options import PIPELINE
from lgeqa.errors import UsageError
from lgeqa.formatting import plural
from lgeqa.threads import ONE_THREAD
from lgeqa.workers import start_early

#: Modules that the process which assesses needs beside `PIPELINE`.
_RESULTS: Final = ("lgeqa.dicom_results", "lgeqa.listener.series_assessment")


def listen(
    settings: Annotated[Path, typer.Argument(metavar="SETTINGS", help="TOML file of settings.")],
    check: Annotated[
        bool, typer.Option("--check", help="Check the settings and say what is in the spool, and do not listen.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Have results that were given up delivered again, and do not listen.")
    ] = False,
) -> None:
    """Receive series from scanners or an archive by DICOM, assess those of the left atrium, and send the results on.

    Everything that was received is kept in a spool on disk until it is finished. A stopped listener continues
    where it was. The log goes to standard error, without names or identifiers of patients.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.extras import require

    require("listen", "lgeqa listen")
    if check and retry:
        raise UsageError("--check and --retry: do one after the other.")
    from lgeqa.listener.settings import ListenSettings

    chosen = ListenSettings.read(settings)
    start_early((*PIPELINE, *_RESULTS))
    from lgeqa.listener import listener

    if check:
        typer.echo("\n".join(listener.check_listener(chosen)))
    elif retry:
        typer.echo(f"{plural(listener.retry_failed(chosen), 'result')} delivered again when the listener runs")
    else:
        _log_to_standard_error()
        listener.listen(chosen, _stop_on_signals())


def _log_to_standard_error() -> None:
    # pydicom quotes values of headers, and what silences it for a while elsewhere is not safe with several threads.
    logging.getLogger("pydicom").disabled = True
    warnings.simplefilter("ignore")
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger = logging.getLogger("lgeqa.listener")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _stop_on_signals() -> Event:
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
