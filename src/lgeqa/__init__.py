"""Quality assessment of left-atrial late-gadolinium-enhancement MRI.

The functions do what the commands of the same names do. Nothing heavy is imported before a name is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lgeqa.agreement.record import Agreement as Agreement
    from lgeqa.api.cohorts import calibrate as calibrate
    from lgeqa.api.cohorts import evaluate as evaluate
    from lgeqa.api.cohorts import import_cohort as import_cohort
    from lgeqa.api.cohorts import measure_agreement as measure_agreement
    from lgeqa.api.cohorts import simulate as simulate
    from lgeqa.api.cohorts import train as train
    from lgeqa.api.scans import assess as assess
    from lgeqa.api.scans import assess_each as assess_each
    from lgeqa.api.scans import assess_many as assess_many
    from lgeqa.api.scans import measure as measure
    from lgeqa.api.scans import measure_many as measure_many
    from lgeqa.api.scans import read_results as read_results
    from lgeqa.errors import LgeqaError as LgeqaError
    from lgeqa.evaluation.record import Evaluation as Evaluation
    from lgeqa.inference.bundle import Bundle as Bundle
    from lgeqa.inference.bundle import open_bundle as open_bundle
    from lgeqa.operating_point import OperatingPoint as OperatingPoint
    from lgeqa.records import ScanResult as ScanResult
    from lgeqa.results import Results as Results
    from lgeqa.workflows.cohorts import Cohort as Cohort
    from lgeqa.workflows.rating_study import Study as Study

#: Module of each public name.
_MODULES = {
    "Agreement": "agreement.record",
    "Bundle": "inference.bundle",
    "Cohort": "workflows.cohorts",
    "Evaluation": "evaluation.record",
    "LgeqaError": "errors",
    "OperatingPoint": "operating_point",
    "Results": "results",
    "ScanResult": "records",
    "Study": "workflows.rating_study",
    "assess": "api.scans",
    "assess_each": "api.scans",
    "assess_many": "api.scans",
    "calibrate": "api.cohorts",
    "evaluate": "api.cohorts",
    "import_cohort": "api.cohorts",
    "measure": "api.scans",
    "measure_agreement": "api.cohorts",
    "measure_many": "api.scans",
    "open_bundle": "inference.bundle",
    "read_results": "api.scans",
    "simulate": "api.cohorts",
    "train": "api.cohorts",
}
__all__ = [
    "Agreement",
    "Bundle",
    "Cohort",
    "Evaluation",
    "LgeqaError",
    "OperatingPoint",
    "Results",
    "ScanResult",
    "Study",
    "__version__",
    "assess",
    "assess_each",
    "assess_many",
    "calibrate",
    "evaluate",
    "import_cohort",
    "measure",
    "measure_agreement",
    "measure_many",
    "open_bundle",
    "read_results",
    "simulate",
    "train",
]


def __getattr__(name: str) -> Any:
    """Return a public name from its module, which is imported now.

    Raises:
        AttributeError: There is no such name.
    """
    if name == "__version__":
        from importlib.metadata import version

        return version("lgeqa")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
