"""Unique scan names from file and folder names, valid on every file system."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

#: Longest name in UTF-8 bytes. File systems allow 255, including suffixes.
MAX_BYTES = 180

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


@dataclass(frozen=True)
class Name:
    """Candidate for the name of a scan.

    Attributes:
        parts: Names of all folders down to the scan, and the scan's own name.
        used: Number of parts in use, counted from the last.
    """

    parts: tuple[str, ...]
    used: int

    @property
    def text(self) -> str:
        """Sanitised name from the parts in use."""
        return sanitised("_".join(self.parts[-self.used :]))

    @property
    def full_text(self) -> str:
        """Sanitised name from all parts."""
        return Name(self.parts, len(self.parts)).text

    @property
    def longer(self) -> "Name":
        """Candidate with one more folder, if there is one."""
        return Name(self.parts, min(self.used + 1, len(self.parts)))


def unique_names(names: Sequence[Name]) -> list[str]:
    """Make names unique, regardless of case, by adding folders, or else -1, -2 and so on."""
    current = list(names)
    while (grown := _grown(current)) != current:
        current = grown
    return _numbered([name.text for name in current])


def is_hidden(name: str) -> bool:
    """Return whether a file or folder name is hidden, or one that macOS adds to archives."""
    return name.startswith(".") or name == "__MACOSX"


def sanitised(name: str) -> str:
    """Replace everything in a name except letters of any alphabet, digits, '-', '_' and '.' by '_'.

    The result is never empty or hidden.
    """
    normal = unicodedata.normalize("NFC", name)
    valid = "".join(char if unicodedata.category(char)[0] in "LMN" or char in "-_." else "_" for char in normal)
    # the end is the most specific part, so the start of a long name is cut
    short = valid.encode()[-MAX_BYTES:].decode(errors="ignore").strip("._-")
    if short.partition(".")[0].casefold() in _RESERVED:
        return f"scan_{short}"
    return short or "scan"


def _grown(names: Sequence[Name]) -> list[Name]:
    """Add a folder to each name that occurs more than once, unless even all folders would not make it unique."""
    full_texts: dict[str, set[str]] = {}
    for name in names:
        full_texts.setdefault(name.text.casefold(), set()).add(name.full_text.casefold())
    return [name.longer if len(full_texts[name.text.casefold()]) > 1 else name for name in names]


def _shared(texts: Sequence[str]) -> set[str]:
    return {text for text, count in Counter(text.casefold() for text in texts).items() if count > 1}


def _numbered(texts: Sequence[str]) -> list[str]:
    shared = _shared(texts)
    taken = {text.casefold() for text in texts}
    last: Counter[str] = Counter()  # last number of each text
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
