"""Tables of inlets in the settings, also those that the documentation shows."""

import re
import tomllib
from pathlib import Path

import pytest

from lgeqa.errors import ConfigError
from lgeqa.listener.settings import ListenSettings

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "work-with-an-archive.md"
ORTHANC = '[[inlets]]\nkind = "orthanc"\nname = "pacs"\nurl = "http://127.0.0.1:8042/dicom-web"\n'
SPOOL = '[spool]\nfolder = "spool"\n'


def read(folder: Path, text: str) -> ListenSettings:
    (folder / "listen.toml").write_text(text, encoding="utf-8")
    return ListenSettings.read(folder / "listen.toml")


def test_examples_of_the_documentation_are_valid() -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    examples = [block for block in blocks if "[spool]" in block]
    settings = [ListenSettings.of(tomllib.loads(example)) for example in examples]
    assert [[inlet.kind for inlet in example.inlets] for example in settings] == [["orthanc"], ["folder"]]


def test_paths_are_below_the_folder_of_the_file(tmp_path: Path) -> None:
    folder = '[[inlets]]\nkind = "folder"\nname = "share"\nfolder = "in"\n'
    first, second = read(tmp_path, SPOOL + folder + ORTHANC + 'ca = "ca.pem"\ncredentials = "login.toml"\n').inlets
    assert first.model_dump()["folder"] == tmp_path / "in"
    assert second.model_dump()["ca"] == tmp_path / "ca.pem"
    assert second.model_dump()["credentials"] == tmp_path / "login.toml"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SPOOL, "nothing to listen to. Give the table dicom, or"),
        (SPOOL + ORTHANC + ORTHANC, "inlets: two have the name 'pacs'"),
        (SPOOL + ORTHANC.replace("orthanc", "dcm4chee", 1), "'orthanc', 'dicomweb'"),
        (SPOOL + ORTHANC + "days = 3\n", "days = 3"),
        (SPOOL + ORTHANC.replace("http://", ""), "give the root of its DICOMweb services"),
        (SPOOL + ORTHANC.replace("http://", "http://me:secret@"), "must have no user, password"),
    ],
)
def test_wrong_inlets_are_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        read(tmp_path, text)
