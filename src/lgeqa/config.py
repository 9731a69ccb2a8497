"""Frozen settings that come from TOML and refuse what they do not know."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from lgeqa.errors import ConfigError


class Settings(BaseModel):
    """Base of all settings and recipes: frozen, unknown keys refused, JSON and TOML in and out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, values: dict[str, Any], where: str = "the settings") -> Self:
        """Check `values`; raise ConfigError that names each offending key and value."""
        try:
            return cls.model_validate(values)
        except ValidationError as fault:
            raise ConfigError(f"{where}: {_explain(fault, cls)}") from None

    def changed(self, changes: dict[str, Any], where: str) -> Self:
        """These settings with `changes` laid over them, table by table; raises ConfigError as `of` does."""
        return type(self).of(_laid_over(self.model_dump(), changes), where)

    @classmethod
    def from_toml(cls, path: Path, changes: dict[str, Any] | None = None) -> Self:
        """Read a TOML file, with `changes` laid over it.

        Raises:
            ConfigError: the file is missing or no TOML, or a key or value is refused.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as fault:
            raise ConfigError(f"{path}: cannot be read ({fault.strerror}). Name an existing TOML file.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
            raise ConfigError(f"{path}: is not valid TOML ({fault}).") from None
        return cls.of(_laid_over(values, changes or {}), str(path))


def _laid_over(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`values` with `changes` laid over them, table by table."""
    merged = dict(values)
    for key, change in changes.items():
        old = merged.get(key)
        merged[key] = _laid_over(old, change) if isinstance(old, dict) and isinstance(change, dict) else change
    return merged


def _explain(fault: ValidationError, kind: type[Settings]) -> str:
    lines = []
    for error in fault.errors():
        place = [str(part) for part in error["loc"]]
        why = _unknown(place, kind) if error["type"] == "extra_forbidden" else reason_of(error)
        lines.append(f"{'.'.join(place) or 'all together'} = {error['input']!r}: {why}")
    return "; ".join(lines)


def reason_of(error: Mapping[str, Any]) -> str:
    """Return what a validation error says, without pydantic's own words before those of our checks."""
    return str(error["ctx"]["error"]) if error["type"] == "value_error" else str(error["msg"])


def _unknown(place: list[str], kind: type[Settings]) -> str:
    """What is said of a key that is not known: the name that was meant, or all names that there are beside it."""
    *tables, name = place
    for table in tables:
        inner = kind.model_fields[table].annotation if table in kind.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, Settings)):
            return "is not known"  # within a list, or in one of several kinds of table
        kind = inner
    names = list(kind.model_fields)
    close = get_close_matches(name, names, 1)
    return f"is not known. Did you mean {close[0]}?" if close else f"is not known. There are {', '.join(names)}."
