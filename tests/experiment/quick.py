"""Settings of an experiment whose trainings take seconds."""

from typing import Any

QUICK: dict[str, Any] = {"epochs": 1, "batch": 4, "slices_per_scan": 1, "threads": 1}
SHARES: dict[str, Any] = {"test": 0.34, "validation": 0.4}
SETTINGS: dict[str, Any] = SHARES | {
    "iterations": 1,
    "label": {"reader": "truth"},
    "weights": "random",
    "width": 8,
    "draws": 20,
    "preparation": {"pixels": 64},
    "loop": QUICK,
    "pretraining": QUICK | {"keep": "last"},
}
