import errno
import os
from pathlib import Path

import pytest

from lgeqa.errors import LgeqaError, OutputError, UsageError
from lgeqa.web.tokens import VARIABLE, draw_token, is_strong, owner_token


@pytest.fixture(autouse=True)
def _no_token_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_drawn_tokens_are_strong_and_differ() -> None:
    tokens = {draw_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(map(is_strong, tokens))


def test_full_disk_at_the_first_start_leaves_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_text", full)
        with pytest.raises(OutputError, match="token: cannot be written"):
            owner_token(tmp_path)
    assert list(tmp_path.iterdir()) == []

    assert is_strong(owner_token(tmp_path))


def test_kill_while_the_token_is_written_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            owner_token(tmp_path)
    assert not (tmp_path / "token").exists()

    token = owner_token(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
    assert (tmp_path / "token").read_text(encoding="utf-8") == token
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_check_draws_no_token(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the token cannot be read"):
        owner_token(tmp_path, draw=False)

    assert not (tmp_path / "token").exists()


@pytest.mark.parametrize("weak", ["", "short", "a" * 40, "two words are not a token at all", "gr\u00fcn" * 8])
def test_weak_token_is_refused_and_not_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weak: str) -> None:
    monkeypatch.setenv(VARIABLE, weak)

    with pytest.raises(LgeqaError, match=f"{VARIABLE}: holds a token of {len(weak)} characters") as told:
        owner_token(tmp_path)

    assert not weak or weak not in str(told.value)


def test_token_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff" * 40)

    with pytest.raises(UsageError, match="it is not text"):
        owner_token(tmp_path)
