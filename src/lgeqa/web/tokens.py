"""Secret tokens: drawn at random, written atomically, and refused if they could be guessed."""

import os
import re
import secrets
from pathlib import Path
from typing import Final

from lgeqa.atomic_io import write_through
from lgeqa.errors import UsageError

#: Environment variable that may hold the owner's token.
VARIABLE: Final = "LGEQA_TOKEN"
#: Environment variable that may hold the URL of a database.
DATABASE_VARIABLE: Final = "LGEQA_DATABASE"
_PASSWORD: Final = re.compile(r"[^/]*//[^/@]*:[^/@]+@|.*[?&]password=")
#: Minimum length of a token, and minimum number of different characters in it.
SHORTEST: Final = 20
_DIFFERENT: Final = 10
#: Random bytes of a new token.
_BYTES: Final = 24


def draw_token() -> str:
    """Return a new token that nobody can guess."""
    return secrets.token_urlsafe(_BYTES)


def is_strong(token: str) -> bool:
    """Return whether a token is long and varied enough to grant access."""
    printable = token.isascii() and token.isprintable() and " " not in token
    return printable and len(token) >= SHORTEST and len(set(token)) >= _DIFFERENT


def database_url(given: str | None) -> str | None:
    """Return the URL of a database from an option, or else from the environment, or None without one.

    The variable is removed from the environment, so that no other process inherits it.

    Raises:
        UsageError: The option holds a password.
    """
    variable = os.environ.pop(DATABASE_VARIABLE, None)
    if given and _PASSWORD.match(given):
        raise UsageError(
            "--database: holds a password, which every user of this machine sees in the list of processes. Set the "
            f"environment variable {DATABASE_VARIABLE} instead, or write the password into the file of PGPASSFILE."
        )
    return given or variable


def owner_token(home: Path, file: Path | None = None, *, draw: bool = True) -> str:
    """Return the owner's token from `file`, or else from the environment, or else from the home folder.

    The variable is removed from the environment, so that no other process inherits it. With `draw`, a home folder
    without a token gets a new one, so that a page stays open over a restart.

    Raises:
        UsageError: The token is empty, short or easily guessed, or its file cannot be read.
        OutputError: A new token cannot be written.
    """
    token = os.environ.pop(VARIABLE, None)
    if file:
        return _checked(_read(file), str(file), "Write a longer one into it")
    if token is not None:
        return _checked(token.strip(), VARIABLE, "Set it to a longer one, or unset it to have one drawn")
    path = home / "token"
    if draw and not path.exists():
        write_through(path, _write_secret)
    if draw:
        path.chmod(0o600)
    return _checked(_read(path), str(path), "Delete this file to have a new one drawn at the next start")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(
            f"{path}: the token cannot be read ({why}). Write one into it, or name another file."
        ) from None


def _write_secret(path: Path) -> None:
    path.unlink(missing_ok=True)  # a killed start may have left one
    path.touch(mode=0o600)
    path.write_text(draw_token(), encoding="utf-8")


def _checked(token: str, where: str, remedy: str) -> str:
    """Return a strong token, or raise UsageError, whose message reveals only the length of a weak one."""
    if not is_strong(token):
        raise UsageError(
            f"{where}: holds a token of {len(token)} characters that could be guessed. {remedy}; a token has at least "
            f"{SHORTEST} characters, {_DIFFERENT} different ones among them, and no spaces."
        )
    return token
