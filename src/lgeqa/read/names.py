"""Scan names: from file and folder names, fit for every file system, unique."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

#: Longest name in UTF-8 bytes; file systems take 255, suffixes included.
MAX_BYTES = 180

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


@dataclass(frozen=True)
class Name:
    """A name in the making.

    Attributes:
        parts: names of all folders down to the scan, and its own.
        used: how many of the last parts are used.
    """

    parts: tuple[str, ...]
    used: int

    @property
    def text(self) -> str:
        """The used parts, sanitised."""
        return sanitised("_".join(self.parts[-self.used :]))

    @property
    def full_text(self) -> str:
        """All parts, sanitised."""
        return Name(self.parts, len(self.parts)).text

    @property
    def longer(self) -> "Name":
        """With one folder more, where there is one."""
        return Name(self.parts, min(self.used + 1, len(self.parts)))


def unique_names(names: Sequence[Name]) -> list[str]:
    """Make names differ, even where upper and lower case do not: by more folders, else by -1, -2 and so on."""
    current = list(names)
    while (grown := _grown(current)) != current:
        current = grown
    return _numbered([name.text for name in current])


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is none of the user's: hidden, or what macOS puts into archives."""
    return name.startswith(".") or name == "__MACOSX"


def sanitised(name: str) -> str:
    """Letters of any alphabet, digits, '-', '_' and '.' stay; all else becomes '_'. Never empty or hidden."""
    normal = unicodedata.normalize("NFC", name)
    kept = "".join(sign if unicodedata.category(sign)[0] in "LMN" or sign in "-_." else "_" for sign in normal)
    # the end tells most, so the start of a long name is cut
    short = kept.encode()[-MAX_BYTES:].decode(errors="ignore").strip("._-")
    if short.partition(".")[0].casefold() in _RESERVED:
        return f"scan_{short}"
    return short or "scan"


def _grown(names: Sequence[Name]) -> list[Name]:
    """Add a folder to each name that another has too, unless all folders would not tell them apart."""
    bearers: dict[str, set[str]] = {}
    for name in names:
        bearers.setdefault(name.text.casefold(), set()).add(name.full_text.casefold())
    return [name.longer if len(bearers[name.text.casefold()]) > 1 else name for name in names]


def _shared(texts: Sequence[str]) -> set[str]:
    return {text for text, count in Counter(text.casefold() for text in texts).items() if count > 1}


def _numbered(texts: Sequence[str]) -> list[str]:
    shared = _shared(texts)
    taken = {text.casefold() for text in texts}
    last: Counter[str] = Counter()  # number given to a text
    numbered = []
    for text in texts:
        key = text.casefold()
        if key not in shared:
            numbered.append(text)
            continue
        last[key] += 1
        while f"{key}-{last[key]}" in taken:
            last[key] += 1
        taken.add(f"{key}-{last[key]}")
        numbered.append(f"{text}-{last[key]}")
    return numbered
