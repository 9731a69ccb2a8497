"""Ranges of settings that a sweep varies, from their text to the values that are drawn."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lgeqa.config import Settings, flat
from lgeqa.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

AnySettings = TypeVar("AnySettings", bound=Settings)
#: Settings, or tables of them, that decide what trainings are judged on. Figures would not be comparable.
_JUDGING: Final = ("test", "validation", "label", "atrium")


class Range(Settings):
    """Values of one setting to try: from `low` to `high`, or one of `choices`.

    Attributes:
        name: Name of the setting, such as `loop.learning_rate`.
        low: Smallest value.
        high: Largest value.
        log: Whether values are drawn evenly on a logarithmic scale.
        whole: Whether the values are integers.
        choices: Values to choose from. Empty for a range from `low` to `high`.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[bool | int | float | str, ...] = ()

    @property
    def ends(self) -> tuple[Any, ...]:
        """All choices, or both ends of the range."""
        return self.choices or tuple(int(end) if self.whole else end for end in (self.low, self.high))

    def distribution(self) -> "BaseDistribution":
        """Return the distribution that Optuna draws from."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.choices:
            return CategoricalDistribution(self.choices)
        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)


def read_ranges(texts: Mapping[str, Any], settings: Settings) -> tuple[Range, ...]:
    """Return the ranges that texts such as `1e-4:1e-2:log` or `16,32,64`, or lists of choices, describe.

    Args:
        texts: Range of each setting by its name.
        settings: Settings around which the ranges lie.

    Raises:
        ConfigError: There is no range, a setting is unknown or decides what trainings are judged on, or a range is
            empty, of one value, or has ends that the setting cannot take.
    """
    if not texts:
        raise ConfigError(
            "No setting is varied. Give at least one, for instance --vary loop.learning_rate=1e-4:1e-2:log."
        )
    values = flat(settings.model_dump())
    ranges = []
    for name, text in texts.items():
        if name.split(".")[0] in _JUDGING:
            raise ConfigError(f"--vary {name}: decides what a training is judged on. Set it with --set instead.")
        found = _range(name, text, values.get(name))
        for end in found.ends:
            with_values(settings, {name: end}, "--vary")
        ranges.append(found)
    return tuple(ranges)


def with_values(settings: AnySettings, values: Mapping[str, Any], where: str) -> AnySettings:
    """Return settings with other values, given by names such as `loop.epochs`.

    Raises:
        ConfigError: A setting is unknown or cannot take its value. The message starts with `where`.
    """
    changes: dict[str, Any] = {}
    for name, value in values.items():
        *tables, last = name.split(".")
        inner = changes
        for table in tables:
            inner = inner.setdefault(table, {})
        inner[last] = value
    return settings.changed(changes, where)


def _range(name: str, text: Any, default: Any) -> Range:
    """Return the range that a text or a list describes, for a setting with this default."""
    wrong = f"--vary {name}={text}: "
    if isinstance(text, list) or "," in str(text):
        choices = text if isinstance(text, list) else [_value(part.strip()) for part in text.split(",")]
        if len(choices) < 2 or len(set(map(str, choices))) < len(choices):
            raise ConfigError(f"{wrong}give at least two choices, each once.")
        if any(not isinstance(choice, bool | int | float | str) for choice in choices):
            raise ConfigError(f"{wrong}a choice must be a number, a text, true or false.")
        return Range(name=name, choices=tuple(choices))
    low, high, log = _ends(str(text).split(":"), wrong)
    whole = isinstance(low, int) and isinstance(high, int) and not isinstance(default, float)
    if isinstance(default, int) and not whole:
        raise ConfigError(f"{wrong}takes integers only.")
    if low >= high:
        raise ConfigError(f"{wrong}the first end must be lower than the second.")
    if log and low <= 0:
        raise ConfigError(f"{wrong}a logarithmic range must be above 0.")
    return Range(name=name, low=low, high=high, log=log, whole=whole)


def _ends(parts: Sequence[str], wrong: str) -> tuple[int | float, int | float, bool]:
    numbers = [_value(part) for part in parts[:2]]
    if len(parts) not in (2, 3) or any(type(number) not in (int, float) for number in numbers):
        raise ConfigError(f"{wrong}write a range as LOW:HIGH or LOW:HIGH:log, or choices as A,B,C.")
    if parts[2:] not in ([], ["log"]):
        raise ConfigError(f"{wrong}only log may follow the ends, and not {parts[2]}.")
    low, high = numbers
    return low, high, len(parts) == 3


def _value(text: str) -> Any:
    """Return a TOML value, or the bare text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
