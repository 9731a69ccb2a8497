"""The values that the ranges of a sweep stand for, and the ranges that are refused."""

import json
from typing import Any

import pytest
from optuna.distributions import distribution_to_json

from lgeqa.errors import ConfigError
from lgeqa.training.quality import QualityConfig
from lgeqa.training.sweep_ranges import Range, read_ranges, with_values

SETTINGS = QualityConfig(weights="random")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("loop.learning_rate", "1e-4:1e-2:log", {"low": 1e-4, "high": 1e-2, "log": True}),
        ("loop.learning_rate", "1:2", {"low": 1, "high": 2}),
        ("loop.epochs", "10:40", {"low": 10, "high": 40, "whole": True}),
        ("loop.batch", "16,32, 64", {"choices": (16, 32, 64)}),
        ("loop.batch", [16, 32], {"choices": (16, 32)}),
        ("quality_from", "logits,features", {"choices": ("logits", "features")}),
        ("loop.augmentation.flip", "true,false", {"choices": (True, False)}),
        ("preparation.margin_mm", "5.0:20.0", {"low": 5, "high": 20}),
    ],
)
def test_text_becomes_a_range(name: str, text: Any, expected: dict[str, Any]) -> None:
    assert read_ranges({name: text}, SETTINGS) == (Range(name=name, **expected),)


def test_drawn_values_have_the_type_of_the_setting() -> None:
    import optuna

    texts = {"loop.epochs": "10:40", "loop.learning_rate": "1:2", "loop.batch": "16,32"}
    ranges = read_ranges(texts, SETTINGS)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(0)).ask(
        {varied.name: varied.distribution() for varied in ranges}
    )
    config = with_values(SETTINGS, trial.params, "")
    assert 10 <= config.loop.epochs <= 40
    assert 1 <= config.loop.learning_rate <= 2
    assert config.loop.batch in (16, 32)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("loop.learning_rates", "1e-4:1e-2", r"--vary: loop.learning_rates = 0.0001: .* Did you mean learning_rate\?"),
        ("loop.epochs", "0:5", r"--vary: loop.epochs = 0: "),
        ("loop.epochs", "1.0:5.0", r"--vary loop.epochs=1.0:5.0: takes integers only"),
        ("loop.learning_rate", "1e-2:1e-4", "the first end must be lower than the second"),
        ("loop.learning_rate", "1e-2:1e-2", "the first end must be lower than the second"),
        ("loop.floor", "0.0:1e-4:log", "a logarithmic range must be above 0"),
        ("loop.learning_rate", "1e-4:1e-2:lin", "only log may follow the ends, and not lin"),
        ("loop.learning_rate", "1e-4", "write a range as LOW:HIGH or LOW:HIGH:log, or choices as A,B,C"),
        ("loop.epochs", "true:5", "write a range as LOW:HIGH"),
        ("loop.batch", "16,16", "at least two choices, each once"),
        ("loop.batch", [16], "at least two choices"),
        ("preparation.context_mm", [[0.0], [-2.5, 0.0, 2.5]], "must be a number, a text, true or false"),
        ("quality_from", "logits,heads", "--vary: quality_from = 'heads': Input should be 'logits' or 'features'"),
        ("validation", "0.1:0.3", "--vary validation: decides what a training is judged on"),
        ("label.rule", "mean,median", "--vary label.rule: decides what a training is judged on"),
    ],
)
def test_range_without_sense_is_refused(name: str, text: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_ranges({name: text}, SETTINGS)


def test_nothing_to_vary_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"No setting is varied\. .*--vary loop.learning_rate=1e-4:1e-2:log"):
        read_ranges({}, SETTINGS)


@pytest.mark.parametrize(("name", "ends"), [("loop.learning_rate", "1e-4:1e-2"), ("loop.epochs", "10:40")])
def test_logarithmic_range_is_drawn_so(name: str, ends: str) -> None:
    for text, log in ((ends, False), (f"{ends}:log", True)):
        [varied] = read_ranges({name: text}, SETTINGS)
        assert json.loads(distribution_to_json(varied.distribution()))["attributes"]["log"] is log
