"""Finding scans in files and folder trees, quickly and without opening a volume."""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lgeqa.errors import ReadError
from lgeqa.read.files import is_regular, open_regular
from lgeqa.read.limits import DEFAULT_LIMITS
from lgeqa.read.names import Name, is_hidden, unique_names
from lgeqa.read.source import Source
from lgeqa.read.suffixes import stem, volume_suffix
from lgeqa.read.words import reason, shown

if TYPE_CHECKING:
    from lgeqa.read.dicom_header import Series

#: Stems of the authors' layout: `<id>/data.nrrd` and its mask `<id>/shrinkwrap.nrrd`.
DATA_STEM, MASK_STEM = "data", "shrinkwrap"

#: How a DICOM file without preamble starts: group 0002 or 0008, in both byte orders.
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")
#: A folder with these files is an output folder of lgeqa, and these folders in it hold no scans.
_OWN_TABLES, _OWN_FOLDERS = {"results.csv", "measures.json"}, {"masks", "pictures", "scans"}
#: Images belong to different stacks if a direction cosine differs by more than this.
_SAME_ORIENTATION = 0.05
#: Of the digest of a UID in a name.
_DIGEST_SIGNS = 6
_WANTED = "give NRRD, NIfTI, MetaImage or DICOM images"


def discover(paths: Sequence[Path], *, skip: Iterable[Path] = ()) -> list[Source]:
    """Find the scans in files and folder trees.

    Volumes are told by suffix; DICOM images by content, whatever their names. Images make one scan if patient, study,
    series, its number, frame of reference, orientation and size are the same, over all paths. Images in one folder that
    have a SeriesInstanceUID each, and else the same, make one scan, too. In the authors' layout `<id>/data.nrrd` is the
    scan and `<id>/shrinkwrap.nrrd` its mask. Hidden files and folders are left out, and so are the masks of an earlier
    run and what is no image. Symbolic links are followed; what is reached twice counts once. The order is that of the
    paths, and by name within.

    Args:
        paths: files and folders.
        skip: folders not to be entered, for instance one for results.

    Returns:
        One source a scan, and one of kind `unusable`, with its fault, for each path or folder that cannot be used.
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
    """Something found, still without its name.

    Attributes:
        kind: as in Source.
        root: the folder that was given, or the folder of the file that was given.
        files: the volume, the files of the series, or the unusable path.
        mask: mask beside the volume.
        fault: why the path cannot be used.
        series: what the images share.
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
    """What was found so far.

    Attributes:
        entered: real paths of folders that are not to be entered again.
        reached: real paths of the files, so that none counts twice.
        finds: by kind and path.
        stacks: finds of DICOM images, by what tells series apart but for their orientation.
    """

    entered: set[str]
    reached: set[str] = field(default_factory=set)
    finds: dict[tuple[str, str], _Find] = field(default_factory=dict)
    stacks: dict[object, list[_Find]] = field(default_factory=dict)

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
            hidden = _OWN_FOLDERS if _OWN_TABLES.issubset(names) else ()
            subfolders[:] = sorted(name for name in subfolders if not is_hidden(name) and name not in hidden)
            visible = (Path(folder, name) for name in sorted(names) if not is_hidden(name))
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
            find = self._find_of(path, root)
        except OSError as fault:
            example = f"files in it cannot be read, such as {path.name} ({reason(fault)}). Check the permissions."
            self._refuse(path.parent, root, example)
            return True
        except ReadError as error:
            self._refuse(path, root, str(error).removeprefix(f"{shown(path)}: "))
            return True
        if find is None:
            return False
        self.reached.add(real)
        find.files.append(path)
        return True

    def _find_of(self, path: Path, root: Path) -> _Find | None:
        """Return the find that a file belongs to, a new one if need be; None for a file that is no image."""
        if volume_suffix(path):
            return self.finds.setdefault(("volume", os.path.realpath(path)), _Find("volume", root, []))
        series = _series_of(path)
        if series is None:
            return None
        # images without SeriesInstanceUID belong together if they lie together
        same = self.stacks.setdefault((series.uid or path.parent, series.rest, series.size), [])
        for find in same:
            if find.series and _alike(find.series.orientation, series.orientation):
                return find
        find = self.finds["dicom", str(path)] = _Find("dicom", root, [], series=series)
        same.append(find)
        return find


def _series_of(path: Path) -> "Series | None":
    """Return what the images of one series share; None for a file that is no DICOM image."""
    with open_regular(path) as file:
        start = file.read(132)
    has_preamble = start[128:] == b"DICM"
    if not has_preamble and not start.startswith(_FIRST_GROUPS):
        return None
    from lgeqa.read.dicom_header import series_of  # pydicom is slow to import and not needed for volumes

    try:
        return series_of(path)
    except ReadError:
        if has_preamble:
            raise
        return None


def _alike(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    return len(ours) == len(theirs) and all(
        abs(one - other) <= _SAME_ORIENTATION for one, other in zip(ours, theirs, strict=True)
    )


def _joined(finds: Sequence[_Find]) -> list[_Find]:
    """Join images of which each has a SeriesInstanceUID of its own, and the few of a series that make no stack."""
    kept: list[_Find] = []
    lone: dict[object, _Find] = {}
    stacks = Counter(find.series.uid for find in finds if find.series)
    for find in finds:
        series = find.series
        if series is None or len(find.files) >= DEFAULT_LIMITS.min_slices:
            kept.append(find)
            continue
        is_alone = len(find.files) == stacks[series.uid] == 1
        key = (series.rest, series.size, find.files[0].parent) if is_alone else (series.uid, series.rest)
        if key in lone:
            lone[key].files.extend(find.files)
        else:
            lone[key] = find
            kept.append(find)
    return kept


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


def _shared_locations(finds: Sequence[_Find]) -> set[Path]:
    """Return the folders that hold several series."""
    counts = Counter(find.location for find in finds if find.kind == "dicom")
    return {location for location, count in counts.items() if count > 1}


def _name(find: _Find, is_shared: bool) -> Name:
    """The path below the folder that was given; without the file's name in the authors' layout.

    A series among others gets its number and the start of the digest of its UID, so that its name stays when others
    are added.
    """
    location = find.location
    parts = location.relative_to(location.anchor).parts
    below = len(parts) - len(find.root.relative_to(find.root.anchor).parts)
    if _has_stem(find, DATA_STEM):
        parts, below = parts[:-1], below - 1
    elif find.kind != "dicom":
        parts = (*parts[:-1], stem(location))
    elif is_shared and find.series:
        parts, below = (*parts, f"s{find.series.number}-{find.series.uid[:_DIGEST_SIGNS]}"), below + 1
        return Name(parts, max(2, below))
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
