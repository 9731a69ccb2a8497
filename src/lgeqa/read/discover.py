"""Finding scans in files and folder trees, quickly and without opening a volume."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from lgeqa.errors import ReadError
from lgeqa.read.files import is_regular, open_regular
from lgeqa.read.names import Name, unique_names
from lgeqa.read.source import Source
from lgeqa.read.suffixes import stem, volume_suffix
from lgeqa.read.words import reason, shown

#: Stems of the authors' layout: `<id>/data.nrrd` and its mask `<id>/shrinkwrap.nrrd`.
DATA_STEM, MASK_STEM = "data", "shrinkwrap"

#: How a DICOM file without preamble starts: group 0002 or 0008, in both byte orders.
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")
_WANTED = "give NRRD, NIfTI, MetaImage or DICOM images"


def discover(paths: Sequence[Path], *, skip: Iterable[Path] = ()) -> list[Source]:
    """Find the scans in files and folder trees.

    Volumes are told by suffix; DICOM images by content, whatever their names, and grouped by SeriesInstanceUID over
    all paths. In the authors' layout `<id>/data.nrrd` is the scan and `<id>/shrinkwrap.nrrd` its mask. Hidden files
    and folders are left out, and so is what is no image. Symbolic links are followed; what is reached twice
    counts once. The order is that of the paths, and by name within.

    Args:
        paths: files and folders.
        skip: folders not to be entered, for instance one for results.

    Returns:
        One source a scan, and one of kind `unusable`, with its fault, for each path or folder that cannot be used.
    """
    search = _Search(entered={os.path.realpath(path) for path in skip})
    for path in paths:
        search.add(Path(os.path.abspath(path)))  # noqa: PTH100 - Path.absolute keeps "..", resolve follows links
    finds = _with_masks(list(search.finds.values()))
    scan_ids = unique_names([_name(find) for find in finds])
    return [_source(find, scan_id) for find, scan_id in zip(finds, scan_ids, strict=True)]


@dataclass
class _Find:
    """Something found, still without its name.

    Attributes:
        kind: as in Source.
        root: the folder that was given, or the folder of the file that was given.
        files: the volume, the files of the series, or the unusable path.
        mask: mask beside the volume.
        fault: why the path cannot be used.
    """

    kind: Literal["volume", "dicom", "unusable"]
    root: Path
    files: list[Path]
    mask: Path | None = None
    fault: str = ""

    @property
    def location(self) -> Path:
        if self.kind == "dicom":
            return Path(os.path.commonpath([file.parent for file in self.files]))
        return self.files[0]


@dataclass
class _Search:
    """What was found so far, and the real paths that were reached, so that none counts twice."""

    entered: set[str]
    reached: set[str] = field(default_factory=set)
    finds: dict[tuple[str, str], _Find] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Add a file or folder that the user gave."""
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except OSError as fault:
            self._refuse(path, path.parent, f"cannot be opened ({reason(fault)}). Check the path and permissions.")
            return
        if is_folder:
            self._add_tree(path)
        elif not _is_regular(path):
            self._refuse(path, path.parent, f"is no regular file, so it was not opened; {_WANTED}.")
        elif not self._add_file(path, path.parent):
            self._refuse(path, path.parent, f"is no image; {_WANTED}.")

    def _refuse(self, path: Path, root: Path, fault: str) -> None:
        name = Path(shown(path))
        self.finds.setdefault(("unusable", str(name)), _Find("unusable", root, [name], fault=f"{name}: {fault}"))

    def _add_tree(self, root: Path) -> None:
        real = os.path.realpath(root)
        if real in self.entered:
            return
        finds_before, reached_before = len(self.finds), len(self.reached)
        for path in self._files(root):
            self._add_file(path, root)
        is_empty = len(self.finds) == finds_before and len(self.reached) == reached_before
        if is_empty and not any(path.startswith(os.path.join(real, "")) for path in self.reached):  # noqa: PTH118
            self._refuse(root, root, f"no scan was found in it; {_WANTED}.")

    def _files(self, root: Path) -> Iterator[Path]:
        """The visible regular files of a tree, sorted; each folder is entered once, so loops of links end."""

        def refuse(fault: OSError) -> None:
            self._refuse(Path(fault.filename), root, f"the folder cannot be opened ({reason(fault)}).")

        for folder, subfolders, names in os.walk(root, onerror=refuse, followlinks=True):
            real = os.path.realpath(folder)
            if real in self.entered:
                subfolders.clear()
                continue
            self.entered.add(real)
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            visible = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
            yield from filter(_is_regular, visible)

    def _add_file(self, path: Path, root: Path) -> bool:
        """Add a volume or an image of a series; tell whether there was something to add or to refuse."""
        real = os.path.realpath(path)
        if real in self.reached:
            return True
        if not _is_utf8(path):
            self._refuse(path, root, "its name is not valid UTF-8. Rename it.")
            return True
        try:
            key = ("volume", real) if volume_suffix(path) else _series_key(path)
        except OSError as fault:
            example = f"files in it cannot be read, such as {path.name} ({reason(fault)}). Check the permissions."
            self._refuse(path.parent, root, example)
            return True
        except ReadError as error:
            self._refuse(path, root, str(error).removeprefix(f"{shown(path)}: "))
            return True
        if key is None:
            return False
        self.reached.add(real)
        kind: Literal["volume", "dicom"] = "volume" if key[0] == "volume" else "dicom"
        self.finds.setdefault(key, _Find(kind, root, [])).files.append(path)
        return True


def _series_key(path: Path) -> tuple[str, str] | None:
    """What the images of one series share; None for a file that is no DICOM image."""
    with open_regular(path) as file:
        start = file.read(132)
    has_preamble = start[128:] == b"DICM"
    if not has_preamble and not start.startswith(_FIRST_GROUPS):
        return None
    from lgeqa.read.dicom_header import series_of  # pydicom is slow to import and not needed for volumes

    try:
        series = series_of(path)
    except ReadError:
        if has_preamble:
            raise
        return None
    # images without SeriesInstanceUID belong together if they lie together
    return None if series is None else ("dicom", series or str(path.parent))


def _with_masks(finds: Sequence[_Find]) -> list[_Find]:
    """Give each `data` volume the mask beside it, and drop the masks of the volumes that were found."""
    kept = []
    folders = {find.location.parent for find in finds if _has_stem(find, DATA_STEM)}
    for find in finds:
        if _has_stem(find, DATA_STEM):
            kept.append(replace(find, mask=_mask_beside(find.location)))
        elif not _has_stem(find, MASK_STEM):
            kept.append(find)
        elif find.location.parent not in folders:
            fault = f"{shown(find.location)}: is the mask of a scan and no scan. Give the scan beside it."
            kept.append(replace(find, kind="unusable", fault=fault))
    return kept


def _has_stem(find: _Find, wanted: str) -> bool:
    return find.kind == "volume" and stem(find.location).casefold() == wanted


def _mask_beside(volume: Path) -> Path | None:
    try:
        beside = sorted(volume.parent.iterdir())
    except OSError:  # a folder may be closed and its files open
        return None
    return next((path for path in beside if volume_suffix(path) and stem(path).casefold() == MASK_STEM), None)


def _name(find: _Find) -> Name:
    """The path below the folder that was given; without the file's name in the authors' layout."""
    location = find.location
    parts = location.relative_to(location.anchor).parts
    if _has_stem(find, DATA_STEM):
        parts = parts[:-1]
    elif find.kind != "dicom":
        parts = (*parts[:-1], stem(location))
    below = len(parts) - len(find.root.relative_to(find.root.anchor).parts)
    return Name(parts, max(1, below))


def _source(find: _Find, scan_id: str) -> Source:
    usable = find.kind != "unusable"
    files = tuple(sorted(find.files, key=lambda path: (path.name, str(path)))) if usable else ()
    return Source(scan_id, find.kind, find.location, files, find.mask, find.fault)


def _is_regular(path: Path) -> bool:
    """Return whether a path is a regular file; one that cannot be looked at is none."""
    try:
        return is_regular(path)
    except OSError:
        return False


def _is_utf8(path: Path) -> bool:
    return os.fsencode(path).decode("utf-8", errors="ignore") == str(path)
