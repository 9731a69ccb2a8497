"""Frozen settings that are read from TOML and refuse unknown keys."""

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self, get_args

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
        return type(self).of(laid_over(self.model_dump(), changes), where)

    @classmethod
    def from_toml(cls, path: Path, changes: dict[str, Any] | None = None) -> Self:
        """Read settings from a TOML file and apply `changes`.

        Raises:
            ConfigError: The file is missing or is not valid TOML, or a key or a value is not valid.
        """
        return cls.of(laid_over(read_toml(path), changes or {}), str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises:
        ConfigError: The file is missing or is not valid TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Name an existing TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid TOML ({error}).") from None


def flat(values: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    """Return nested tables as one, with names such as `loop.epochs`."""
    single: dict[str, Any] = {}
    for name, value in values.items():
        single |= flat(value, f"{within}{name}.") if isinstance(value, Mapping) else {f"{within}{name}": value}
    return single


def laid_over(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return `values` with `changes` applied, table by table."""
    merged = dict(values)
    for key, change in changes.items():
        old = merged.get(key)
        merged[key] = laid_over(old, change) if isinstance(old, dict) and isinstance(change, dict) else change
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
    *tables, name = (part for part in place if not part.isdecimal())
    kinds = [kind]
    for table in tables:
        if len(kinds) > 1:  # the tag of one of several kinds of table
            kinds = [each for each in kinds if table in get_args(each.model_fields["kind"].annotation)]
        elif kinds and table in kinds[0].model_fields:
            kinds = list(_settings_in(kinds[0].model_fields[table].annotation))
    if len(kinds) != 1:
        return "is not known"
    names = list(kinds[0].model_fields)
    close = get_close_matches(name, names, 1)
    return f"is not known. Did you mean {close[0]}?" if close else f"is not known. There are {', '.join(names)}."


def _settings_in(annotation: Any) -> Iterator[type[Settings]]:
    """Yield the settings that a type consists of, such as those in a list or a union."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        yield annotation
    for part in get_args(annotation):
        yield from _settings_in(part)
