"""Frozen settings that are read from TOML and refuse unknown keys."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from lgeqa.errors import ConfigError


class Frozen(BaseModel):
    """Base class of all settings, records, requests and responses: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Settings(Frozen):
    """Base class of all settings and recipes, with JSON and TOML as input and output."""

    @classmethod
    def of(cls, values: dict[str, Any], where: str = "the settings") -> Self:
        """Validate `values` and return them as settings.

        Raises:
            ConfigError: A key or a value is not valid. The message names each of them.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(f"{where}: {_explain(error, cls)}") from None

    def changed(self, changes: dict[str, Any], where: str) -> Self:
        """Return these settings with `changes` applied, table by table.

        Raises:
            ConfigError: A key or a value is not valid. The message names each of them.
        """
        return type(self).of(_laid_over(self.model_dump(), changes), where)

    @classmethod
    def from_toml(cls, path: Path, changes: dict[str, Any] | None = None) -> Self:
        """Read settings from a TOML file and apply `changes`.

        Raises:
            ConfigError: The file is missing or is not valid TOML, or a key or a value is not valid.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror}). Name an existing TOML file.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: is not valid TOML ({error}).") from None
        return cls.of(_laid_over(values, changes or {}), str(path))


def _laid_over(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return `values` with `changes` applied, table by table."""
    merged = dict(values)
    for key, change in changes.items():
        old = merged.get(key)
        merged[key] = _laid_over(old, change) if isinstance(old, dict) and isinstance(change, dict) else change
    return merged


def _explain(error: ValidationError, kind: type[Settings]) -> str:
    lines = []
    for detail in error.errors():
        place = [str(part) for part in detail["loc"]]
        why = _unknown(place, kind) if detail["type"] == "extra_forbidden" else reason_of(detail)
        name = ".".join(place)
        # Settings that do not go together are named in the reason; the whole table of them would hide it.
        value = name if isinstance(detail["input"], Mapping) else f"{name} = {detail['input']!r}"
        lines.append(f"{value}: {why}" if value else why)
    return "; ".join(lines)


def reason_of(error: Mapping[str, Any]) -> str:
    """Return the message of a validation error, without the prefix that pydantic adds to messages of our checks."""
    return str(error["ctx"]["error"]) if error["type"] == "value_error" else str(error["msg"])


def _unknown(place: list[str], kind: type[Settings]) -> str:
    """Return the message for an unknown key: the name that was probably meant, or else all known names."""
    *tables, name = place
    for table in tables:
        inner = kind.model_fields[table].annotation if table in kind.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, Settings)):
            return "is not known"  # within a list, or in one of several kinds of table
        kind = inner
    names = list(kind.model_fields)
    close = get_close_matches(name, names, 1)
    return f"is not known. Did you mean {close[0]}?" if close else f"is not known. There are {', '.join(names)}."
