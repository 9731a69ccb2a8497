"""Images of a BIDS data set, chosen by what their names say, and its participants."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Self

from lgeqa.cohort.csv_lines import csv_lines
from lgeqa.errors import UsageError
from lgeqa.formatting import plural
from lgeqa.io.formatting import printable_path

#: File that makes a folder a BIDS data set.
DESCRIPTION: Final = "dataset_description.json"
#: Table of participants, and its first column.
PARTICIPANTS, PARTICIPANT_ID = "participants.tsv", "participant_id"
#: Keys of a filter, as PyBIDS and fMRIPrep spell them, and the labels of an image.
_KEYS: Final = {
    "subject": "sub",
    "session": "ses",
    "sample": "sample",
    "acquisition": "acq",
    "ceagent": "ce",
    "reconstruction": "rec",
    "direction": "dir",
    "run": "run",
    "echo": "echo",
    "flip": "flip",
    "inversion": "inv",
    "part": "part",
    "chunk": "chunk",
    "suffix": "suffix",
    "datatype": "datatype",
}
_NAME: Final = re.compile(r"(sub-[a-zA-Z0-9]+(?:_[a-z]+-[a-zA-Z0-9+]+)*)_([a-zA-Z0-9]+)\.nii(?:\.gz)?")
#: Word that marks an image as late gadolinium enhancement where no filter says which images to take.
_LGE: Final = "lge"


@dataclass(frozen=True)
class BidsImage:
    """An image of a data set.

    Attributes:
        path: Path relative to the root of the data set.
        entities: File name up to its suffix, such as `sub-01_acq-LGE`.
        labels: Entities by their short names, `suffix` and `datatype`.
    """

    path: Path
    entities: str
    labels: Mapping[str, str]

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """Return the image at a path relative to the root, or None if the name is not that of an image in BIDS."""
        match = _NAME.fullmatch(path.name)
        if match is None:
            return None
        entities, suffix = match.groups()
        labels = dict(part.split("-", 1) for part in entities.split("_"))
        return cls(path, entities, {**labels, "suffix": suffix, "datatype": path.parent.name})

    def derivative(self, suffix: str, label: str = "") -> Path:
        """Return the path of a derivative relative to its root, whose `desc` is the suffix of the image."""
        name = "_".join(filter(None, (self.entities, label, f"desc-{self.labels['suffix']}", suffix)))
        return self.path.parent / name

    @property
    def is_marked(self) -> bool:
        """Whether the suffix or an entity other than subject and session says late gadolinium enhancement."""
        spoken = (label for key, label in self.labels.items() if key not in {"sub", "ses", "datatype"})
        return any(_LGE in label.lower() for label in spoken)

    def matches(self, wanted: Mapping[str, Any]) -> bool:
        """Return whether all labels are as wanted: one value or several, `*` for any, None for no such entity."""
        return all(_fits(self.labels.get(_KEYS[key]), value) for key, value in wanted.items())


@dataclass(frozen=True)
class BidsDataset:
    """Chosen images of a data set, and its participants.

    Attributes:
        root: Absolute path of the data set.
        images: Chosen images, in the order of their paths.
        columns: Columns of `participants.tsv`. Empty if there is no such file.
        participants: Cells of each participant, by `participant_id`.
    """

    root: Path
    images: tuple[BidsImage, ...]
    columns: tuple[str, ...]
    participants: Mapping[str, tuple[str, ...]]


def open_dataset(root: Path, filter_file: Path | None) -> BidsDataset:
    """Choose the images of a BIDS data set by a filter, or those that are marked as late gadolinium enhancement.

    Args:
        root: Folder of the data set.
        filter_file: JSON file such as `{"lge": {"acquisition": "LGE", "session": ["pre", "post"]}}`, with the keys of
            fMRIPrep's filters. None for the images whose suffix, or an entity other than subject and session, contains
            `LGE`.

    Raises:
        UsageError: The folder is not a data set, the filter cannot be used, no image matches, an image is there twice,
            or the table of participants cannot be read.
    """
    if not (root / DESCRIPTION).is_file():
        raise UsageError(
            f"{printable_path(root)}: is not a BIDS data set, since it holds no {DESCRIPTION}. Name the folder that "
            "holds it, or leave --bids out."
        )
    wanted = _read_filter(filter_file) if filter_file else None
    named = sorted(path.relative_to(root) for path in root.glob("sub-*/**/*.nii*"))
    images = [image for image in map(BidsImage.of, named) if image]
    chosen = [image for image in images if (image.is_marked if wanted is None else image.matches(wanted))]
    if not chosen:
        raise UsageError(f"{printable_path(root)}: {_why_none(len(images), filter_file)}")
    _refuse_twins(root, chosen)
    absolute = Path(os.path.abspath(root))  # noqa: PTH100 - as `discover` does
    return BidsDataset(absolute, tuple(chosen), *_read_participants(root / PARTICIPANTS))


def _fits(label: str | None, wanted: Any) -> bool:
    if wanted is None or wanted == "*":
        return (label is None) == (wanted is None)
    values = wanted if isinstance(wanted, list) else [wanted]
    return any(_same(label, value) for value in values)


def _same(label: str | None, value: Any) -> bool:
    """Return whether a label is a value, where leading zeros of a number do not count."""
    text = str(value)
    return label is not None and (label == text or (label.isdigit() and text.isdigit() and int(label) == int(text)))


def _read_filter(path: Path) -> dict[str, Any]:
    """Return the wanted labels of a filter file by the keys of PyBIDS."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{printable_path(path)}: is not a readable JSON file ({error}). Correct it.") from None
    wanted = content.get("lge") if isinstance(content, dict) and len(content) == 1 else None
    if not isinstance(wanted, dict):
        raise UsageError(
            f'{printable_path(path)}: is not a filter. Write {{"lge": {{"acquisition": "LGE"}}}} with the entities of '
            "the images to assess."
        )
    for key, value in wanted.items():
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(_KEYS)}."
            raise UsageError(f"{printable_path(path)}: {key!r} is not the name of an entity. {hint}")
        if not isinstance(value, str | int | list | None):
            raise UsageError(f"{printable_path(path)}: {key} = {value!r} is neither a text nor a list of texts.")
    return wanted


def _why_none(n_images: int, filter_file: Path | None) -> str:
    if not n_images:
        return "no NIfTI image is named as BIDS names them (sub-<label>_..._<suffix>.nii.gz). Name the images so."
    if filter_file:
        return f"holds {plural(n_images, 'image')}, and none matches {printable_path(filter_file)}. Correct the filter."
    return (
        f"holds {plural(n_images, 'image')}, and none says LGE in its suffix or in an entity such as acq-LGE. Say with "
        "--bids-filter which images to assess."
    )


def _refuse_twins(root: Path, images: list[BidsImage]) -> None:
    """Refuse an image that is there as `.nii` and as `.nii.gz`, since both results would have one name."""
    first: dict[Path, BidsImage] = {}
    for image in images:
        twin = first.setdefault(image.derivative("qc"), image)
        if twin is not image:
            raise UsageError(
                f"{printable_path(root)}: holds {twin.path} both with and without .gz. Remove one of them."
            )


def _read_participants(table: Path) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Return the columns of the table of participants and its rows by identifier, both empty if it does not exist."""
    if not table.is_file():
        return (), {}
    (_, columns), *lines = [*csv_lines(table)] or [(0, [])]
    if columns[:1] != [PARTICIPANT_ID]:
        raise UsageError(f"{printable_path(table)}: its first column is not {PARTICIPANT_ID}. Correct the table.")
    for number, cells in lines:
        if len(cells) != len(columns):
            raise UsageError(
                f"{printable_path(table)}, line {number}: has {len(cells)} cells for {len(columns)} columns. Correct "
                "the line."
            )
    return tuple(columns), {cells[0]: tuple(cells) for _, cells in lines}
