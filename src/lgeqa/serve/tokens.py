"""Secret tokens: drawn, kept whole or not at all, and refused where they could be guessed."""

import os
import secrets
from pathlib import Path
from typing import Final

from lgeqa.errors import UsageError
from lgeqa.writing import write_through

#: Environment variable that may hold the owner's token.
VARIABLE: Final = "LGEQA_TOKEN"
#: Characters that a token has at the least, and how many different ones are among them.
SHORTEST: Final = 20
_DIFFERENT: Final = 10
#: Random bytes of a token that is drawn.
_BYTES: Final = 24


def draw_token() -> str:
    """Return a new token that nobody can guess."""
    return secrets.token_urlsafe(_BYTES)


def is_strong(token: str) -> bool:
    """Return whether a token is long and varied enough to let anybody in."""
    printable = token.isascii() and token.isprintable() and " " not in token
    return printable and len(token) >= SHORTEST and len(set(token)) >= _DIFFERENT


def owner_token(home: Path, file: Path | None = None, *, draw: bool = True) -> str:
    """Return the owner's token: from `file`, else from the environment, else the one that the home folder keeps.

    The variable is taken out of the environment, so that no other process inherits it. A home folder without a token
    gets a new one with `draw`, so that a page stays open over a restart.

    Raises:
        UsageError: The token is empty, short or easily guessed, or its file cannot be read.
        OutputError: A new token cannot be written.
    """
    given = os.environ.pop(VARIABLE, None)
    if file:
        return _checked(_read(file), str(file), "Write a longer one into it")
    if given is not None:
        return _checked(given.strip(), VARIABLE, "Set it to a longer one, or unset it to have one drawn")
    kept = home / "token"
    if draw and not kept.exists():
        write_through(kept, _write_secret)
    if draw:
        kept.chmod(0o600)
    return _checked(_read(kept), str(kept), "Delete this file to have a new one drawn at the next start")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is no text"
        raise UsageError(
            f"{path}: the token cannot be read ({why}). Write one into it, or name another file."
        ) from None


def _write_secret(path: Path) -> None:
    path.unlink(missing_ok=True)  # that of a start that was killed
    path.touch(mode=0o600)
    path.write_text(draw_token(), encoding="utf-8")


def _checked(token: str, where: str, remedy: str) -> str:
    """Return a strong token; the message tells nothing of a weak one but its length."""
    if not is_strong(token):
        raise UsageError(
            f"{where}: holds a token of {len(token)} characters that could be guessed. {remedy}; a token has at least "
            f"{SHORTEST} characters, {_DIFFERENT} different ones among them, and no spaces."
        )
    return token
