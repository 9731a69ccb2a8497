"""Settings of the listener in TOML."""

import re
from pathlib import Path

import pytest

from lgeqa.errors import ConfigError
from lgeqa.listener.settings import ListenSettings

BASE = """
bundle = "model"
[spool]
folder = "spool"
[dicom]
[[dicom.senders]]
ae_title = "MR1"
"""


def read(folder: Path, text: str) -> ListenSettings:
    path = folder / "listen.toml"
    path.write_text(text, encoding="utf-8")
    return ListenSettings.read(path)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    token = '[[destinations]]\nkind = "web"\nname = "web"\nurl = "http://127.0.0.1:1"\ntoken_file = "../token"\n'
    settings = read(tmp_path, BASE + token)
    assert settings.spool.folder == tmp_path / "spool"
    assert settings.bundle == tmp_path / "model"
    [web] = settings.destinations
    assert web.kind == "web"
    assert web.token_file == tmp_path / "../token"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[spol]\n", "spol: is not known. Did you mean spool?"),
        ("[series]\nquiet_second = 3\n", "series.quiet_second = 3: is not known. Did you mean quiet_seconds?"),
        ("[series]\nquiet_seconds = 0\n", "series.quiet_seconds = 0: Input should be greater than 0"),
        ('[series]\ncounts = ["Rows"]\n', "series.counts.0 = 'Rows'"),
        ('[dicom.tls]\ncertificates = "x"\n', "dicom.tls.certificates = 'x': is not known. Did you mean certificate?"),
        (
            '[[destinations]]\nkind = "url"\nname = "a"\nurl = "http://h"\ntoken = "x"\n',
            "destinations.0.url.token = 'x': is not known. Did you mean token_file?",
        ),
        ('[[destinations]]\nkind = "fax"\nname = "a"\n', "'dicom', 'web', 'url', 'command'"),
        ('[[destinations]]\nkind = "command"\nname = "a b"\ncommand = ["true"]\n', "command.name = 'a b'"),
        ('[[destinations]]\nkind = "command"\nname = "a"\ncommand = "rm -rf x"\n', "destinations.0.command.command"),
        (
            '[[destinations]]\nkind = "dicom"\nname = "a"\nhost = "h"\nae_title = "far too long title"\n',
            "is not an AE title. Give 1 to 16 ASCII characters",
        ),
        (2 * '[[destinations]]\nkind = "command"\nname = "a"\ncommand = ["true"]\n', "two have the name 'a'"),
    ],
)
def test_wrong_setting_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, BASE + text)
    assert message in str(error.value)
    assert "listen.toml" in str(error.value)


def test_examples_of_the_page_are_valid(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "listen.md").read_text(encoding="utf-8")
    first, *others = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert read(tmp_path, first).destination_names == ("pacs", "worklist")
    for other in others:
        read(tmp_path, first + other)


def test_senders_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"dicom\.senders"):
        read(tmp_path, BASE[: BASE.index("[[")] + "senders = []\n")
