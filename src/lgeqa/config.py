"""Frozen settings that come from TOML and refuse what they do not know."""

import tomllib
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
            raise ConfigError(f"{where}: {_explain(fault)}") from None

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


def _explain(fault: ValidationError) -> str:
    lines = []
    for error in fault.errors():
        key = ".".join(str(part) for part in error["loc"]) or "all together"
        lines.append(f"{key} = {error['input']!r}: {error['msg']}")
    return "; ".join(lines)
