"""Fast discovery of scans in files and folder trees, without opening volumes."""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lgeqa.errors import ReadError, system_reason
from lgeqa.io.formatting import printable_path
from lgeqa.io.limits import DEFAULT_LIMITS
from lgeqa.io.scan_ids import Name, is_hidden, unique_names
from lgeqa.io.source import Source
from lgeqa.io.suffixes import stem, volume_suffix
from lgeqa.io.untrusted_files import is_regular, open_regular

if TYPE_CHECKING:
    from lgeqa.io.dicom_header import Series

#: File stems of the authors' layout: `<id>/data.nrrd` and its mask `<id>/shrinkwrap.nrrd`.
DATA_STEM, MASK_STEM = "data", "shrinkwrap"

#: First bytes of a DICOM file without preamble: group 0002 or 0008, in both byte orders.
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")
#: Files that mark an output folder of lgeqa, and its subfolders that contain no scans.
_OWN_TABLES, _OWN_FOLDERS = {"results.csv", "measures.json"}, {"masks", "pictures", "scans"}
#: Images belong to different stacks if a direction cosine differs by more than this.
_SAME_ORIENTATION = 0.05
_WANTED = "give NRRD, NIfTI, MetaImage or DICOM images"


def discover(paths: Sequence[Path], *, skip: Iterable[Path] = ()) -> list[Source]:
    """Find the scans in files and folder trees.

    Volumes are recognised by their suffix, DICOM images by their content, whatever their names. Images form one scan if
    patient, study, series, series number, frame of reference, orientation and size are the same, across all paths.
    Images in one folder that have a SeriesInstanceUID each, but agree otherwise, also form one scan. In the authors'
    layout `<id>/data.nrrd` is the scan and `<id>/shrinkwrap.nrrd` its mask. Hidden files and folders, masks of an
    earlier run and files other than images are left out. Symbolic links are followed, and a file reached twice counts
    once. Scans follow the order of the paths, and within a path the order of their names.

    Args:
        paths: Files and folders.
        skip: Folders that are not entered, for example the output folder.

    Returns:
        One source per scan, and one of kind `unusable` with the reason for each path or folder that cannot be used.
    """
    search = _Search(entered={os.path.realpath(path) for path in skip})
    for path in paths:
        search.add(Path(os.path.abspath(path)))  # noqa: PTH100 - Path.absolute keeps "..", resolve follows links
    finds = _with_masks(_joined(list(search.finds.values())))
    shared = _shared_locations(finds)
    scan_ids = unique_names([_name(find, find.location in shared) for find in finds])
    return [_source(find, scan_id) for find, scan_id in zip(finds, scan_ids, strict=True)]


@dataclass
class _Find:
    """A scan or an unusable path that has no scan name yet.

    Attributes:
        kind: Kind as in `Source`.
        root: Folder given by the user, or folder of the file given by the user.
        files: Volume, files of the series, or unusable path.
        mask: Mask next to the volume.
        fault: Message that explains why the path cannot be used.
        series: Properties that the images share.
    """

    kind: Literal["volume", "dicom", "unusable"]
    root: Path
    files: list[Path]
    mask: Path | None = None
    fault: str = ""
    series: "Series | None" = None

    @property
    def location(self) -> Path:
        if self.kind == "dicom":
            return Path(os.path.commonpath([file.parent for file in self.files]))
        return self.files[0]


@dataclass
class _Search:
    """State of a search.

    Attributes:
        entered: Real paths of folders that are not to be entered again.
        reached: Real paths of the files found, so that none counts twice.
        finds: Finds by kind and path.
        stacks: Finds of DICOM images, by all that distinguishes series except their orientation.
    """

    entered: set[str]
    reached: set[str] = field(default_factory=set)
    finds: dict[tuple[str, str], _Find] = field(default_factory=dict)
    stacks: dict[object, list[_Find]] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Add a file or folder given by the user."""
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except OSError as error:
            self._refuse(
                path, path.parent, f"cannot be opened ({system_reason(error)}). Check the path and permissions."
            )
            return
        if is_folder:
            self._add_tree(path)
        elif not _is_regular(path):
            self._refuse(path, path.parent, f"is not a regular file, so it was not opened; {_WANTED}.")
        elif not self._add_file(path, path.parent):
            self._refuse(path, path.parent, f"is not an image; {_WANTED}.")

    def _refuse(self, path: Path, root: Path, problem: str) -> None:
        name = Path(printable_path(path))
        self.finds.setdefault(("unusable", str(name)), _Find("unusable", root, [name], fault=f"{name}: {problem}"))

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
        """Yield the visible regular files of a tree in sorted order.

        Each folder is entered only once, so cycles of links end.
        """

        def refuse(error: OSError) -> None:
            self._refuse(Path(error.filename), root, f"the folder cannot be opened ({system_reason(error)}).")

        for folder, subfolders, names in os.walk(root, onerror=refuse, followlinks=True):
            real = os.path.realpath(folder)
            if real in self.entered:
                subfolders.clear()
                continue
            self.entered.add(real)
            hidden = _OWN_FOLDERS if _OWN_TABLES.issubset(names) else ()
            subfolders[:] = sorted(name for name in subfolders if not is_hidden(name) and name not in hidden)
            visible = (Path(folder, name) for name in sorted(names) if not is_hidden(name))
            yield from filter(_is_regular, visible)

    def _add_file(self, path: Path, root: Path) -> bool:
        """Add a volume or an image of a series, and return whether the file was added or refused."""
        real = os.path.realpath(path)
        if real in self.reached:
            return True
        if not _is_utf8(path):
            self._refuse(path, root, "its name is not valid UTF-8. Rename it.")
            return True
        try:
            find = self._find_of(path, root)
        except OSError as error:
            example = (
                f"files in it cannot be read, such as {path.name} ({system_reason(error)}). Check the permissions."
            )
            self._refuse(path.parent, root, example)
            return True
        except ReadError as error:
            self._refuse(path, root, str(error).removeprefix(f"{printable_path(path)}: "))
            return True
        if find is None:
            return False
        self.reached.add(real)
        find.files.append(path)
        return True

    def _find_of(self, path: Path, root: Path) -> _Find | None:
        """Return the find that a file belongs to, a new one if necessary, or None if the file is not an image."""
        if volume_suffix(path):
            return self.finds.setdefault(("volume", os.path.realpath(path)), _Find("volume", root, []))
        series = _series_of(path)
        if series is None:
            return None
        # images without SeriesInstanceUID belong together if they are in one folder
        same = self.stacks.setdefault((series.uid or path.parent, series.rest, series.size), [])
        for find in same:
            if find.series and _alike(find.series.orientation, series.orientation):
                return find
        find = self.finds["dicom", str(path)] = _Find("dicom", root, [], series=series)
        same.append(find)
        return find


def _series_of(path: Path) -> "Series | None":
    """Return the properties that the images of a series share, or None if the file is not a DICOM image."""
    with open_regular(path) as file:
        start = file.read(132)
    has_preamble = start[128:] == b"DICM"
    if not has_preamble and not start.startswith(_FIRST_GROUPS):
        return None
    from lgeqa.io.dicom_header import series_of  # pydicom is slow to import and not needed for volumes

    try:
        return series_of(path)
    except ReadError:
        if has_preamble:
            raise
        return None


def _alike(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    return len(ours) == len(theirs) and all(
        abs(cosine - other) <= _SAME_ORIENTATION for cosine, other in zip(ours, theirs, strict=True)
    )


def _joined(finds: Sequence[_Find]) -> list[_Find]:
    """Join single images with a SeriesInstanceUID each, and the images of a series that are too few for a stack."""
    joined: list[_Find] = []
    lone: dict[object, _Find] = {}
    stacks = Counter(find.series.uid for find in finds if find.series)
    for find in finds:
        series = find.series
        if series is None or series.is_multiframe or len(find.files) >= DEFAULT_LIMITS.min_slices:
            joined.append(find)
            continue
        is_alone = len(find.files) == stacks[series.uid] == 1
        key = (series.rest, series.size, find.files[0].parent) if is_alone else (series.uid, series.rest)
        if key in lone:
            lone[key].files.extend(find.files)
        else:
            lone[key] = find
            joined.append(find)
    return joined


def _with_masks(finds: Sequence[_Find]) -> list[_Find]:
    """Assign each `data` volume the mask next to it, and drop the masks of these volumes."""
    scans = []
    folders = {find.location.parent for find in finds if _has_stem(find, DATA_STEM)}
    for find in finds:
        if _has_stem(find, DATA_STEM):
            scans.append(replace(find, mask=_mask_beside(find.location)))
        elif not _has_stem(find, MASK_STEM):
            scans.append(find)
        elif find.location.parent not in folders:
            problem = f"{printable_path(find.location)}: is the mask of a scan and no scan. Give the scan beside it."
            scans.append(replace(find, kind="unusable", fault=problem))
    return scans


def _has_stem(find: _Find, wanted: str) -> bool:
    return find.kind == "volume" and stem(find.location).casefold() == wanted


def _mask_beside(volume: Path) -> Path | None:
    try:
        beside = sorted(volume.parent.iterdir())
    except OSError:  # a folder may be unreadable although its files are readable
        return None
    return next((path for path in beside if volume_suffix(path) and stem(path).casefold() == MASK_STEM), None)


def _shared_locations(finds: Sequence[_Find]) -> set[Path]:
    """Return the folders that contain several series."""
    counts = Counter(find.location for find in finds if find.kind == "dicom")
    return {location for location, count in counts.items() if count > 1}


def _name(find: _Find, is_shared: bool) -> Name:
    """Return the path below the folder given by the user, without the file name in the authors' layout.

    In a folder with several series the name includes the series number and the start of the digest of its UID, so that
    it does not change when others are added.
    """
    location = find.location
    parts = location.relative_to(location.anchor).parts
    below = len(parts) - len(find.root.relative_to(find.root.anchor).parts)
    if _has_stem(find, DATA_STEM):
        parts, below = parts[:-1], below - 1
    elif find.kind != "dicom":
        parts = (*parts[:-1], stem(location))
    elif is_shared and find.series:
        parts, below = (*parts, find.series.name), below + 1
        return Name(parts, max(2, below))
    return Name(parts, max(1, below))


def _source(find: _Find, scan_id: str) -> Source:
    usable = find.kind != "unusable"
    files = tuple(sorted(find.files, key=lambda path: (path.name, str(path)))) if usable else ()
    series = find.series.name if find.series else ""
    return Source(scan_id, find.kind, find.location, files, find.mask, find.fault, series)


def _is_regular(path: Path) -> bool:
    """Return whether a path is a regular file, or False if it cannot be inspected."""
    try:
        return is_regular(path)
    except OSError:
        return False


def _is_utf8(path: Path) -> bool:
    return os.fsencode(path).decode("utf-8", errors="ignore") == str(path)
