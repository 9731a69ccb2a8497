"""Choice of the images of a BIDS data set."""

import json
from pathlib import Path
from typing import Any

import pytest

from lgeqa.bids import open_dataset
from lgeqa.errors import UsageError
from tests.factories.bids import IMAGES, bids_dataset


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bids_dataset(tmp_path_factory.mktemp("bids"))


def _filter(folder: Path, content: object) -> Path:
    path = folder / "filter.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _chosen(root: Path, filter_file: Path | None) -> list[int]:
    return [IMAGES.index(image.path.as_posix()) for image in open_dataset(root, filter_file).images]


def test_images_that_say_lge_are_chosen_without_a_filter(root: Path) -> None:
    assert _chosen(root, None) == [0, 1, 3]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ({}, [0, 1, 2, 4, 3]),
        ({"acquisition": "LGE"}, [0, 1]),
        ({"acquisition": ["LGE", "cine"], "session": "pre"}, [0, 1, 2]),
        ({"acquisition": "*"}, [0, 1, 2]),
        ({"acquisition": None}, [4, 3]),
        ({"run": 2}, [1]),
        ({"run": "01"}, [0]),
        ({"datatype": "cmr", "suffix": "cine"}, [4]),
        ({"subject": ["02", "LGE3"], "suffix": "T1w"}, [1, 2]),
    ],
)
def test_filter_chooses_by_labels(root: Path, tmp_path: Path, wanted: dict[str, Any], chosen: list[int]) -> None:
    assert _chosen(root, _filter(tmp_path, {"lge": wanted})) == chosen


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"acquisition": "LGE"}, "is not a filter"),
        ([], "is not a filter"),
        ({"lge": {}, "t1w": {}}, "is not a filter"),
        ({"lge": {"acquisitions": "LGE"}}, "Did you mean 'acquisition'?"),
        ({"lge": {"colour": "red"}}, "There are subject, session"),
        ({"lge": {"run": {"from": 1}}}, "is neither a text nor a list"),
        ({"lge": {"run": 3}}, "holds 5 images, and none matches"),
    ],
)
def test_filter_that_cannot_be_used_is_refused(root: Path, tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(UsageError, match=r"filter\.json") as refused:
        open_dataset(root, _filter(tmp_path, content))
    assert message in str(refused.value)


def test_filter_that_is_not_json_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "filter.json").write_text("lge", encoding="utf-8")
    with pytest.raises(UsageError, match="is not a readable JSON file"):
        open_dataset(root, tmp_path / "filter.json")


def test_folder_without_a_description_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no dataset_description\.json"):
        open_dataset(tmp_path, None)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "no NIfTI image is named as BIDS names them"),
        (("sub-1/anat/scan.nii.gz",), "no NIfTI image is named as BIDS names them"),
        (("sub-1/anat/sub-1_T1w.nii.gz",), "holds 1 image, and none says LGE"),
        (("sub-1/anat/sub-1_LGE.nii", "sub-1/anat/sub-1_LGE.nii.gz"), "both with and without .gz"),
    ],
)
def test_images_that_cannot_be_chosen_are_named(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    (tmp_path / "dataset_description.json").write_text("{}", encoding="utf-8")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=message):
        open_dataset(tmp_path, None)


@pytest.mark.parametrize(
    ("table", "message"),
    [("age\n61\n", "its first column is not participant_id"), ("participant_id\tage\nsub-1\n", "line 2: has 1 cells")],
)
def test_table_of_participants_is_checked(tmp_path: Path, table: str, message: str) -> None:
    root = bids_dataset(tmp_path)
    (root / "participants.tsv").write_text(table, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        open_dataset(root, None)
