"""Choice of an operating point by costs or by a promise, and its file of settings for an assessment."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lgeqa.atomic_io import write_whole
from lgeqa.bootstrap import Bootstrap
from lgeqa.errors import UsageError
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.bundle.kept_out import KeptOut, outcome_text
from lgeqa.operating_point import Costs, OperatingPoint


@dataclass(frozen=True)
class PointRequest:
    """Way to choose an operating point.

    Attributes:
        costs: Costs of wrong decisions, for the point with the least expected cost.
        risk: Largest share of poor scans that are accepted and of good scans that are repeated. None to use the costs.
    """

    costs: Costs = field(default_factory=Costs)
    risk: float | None = None

    def point(self, kept_out: KeptOut) -> OperatingPoint:
        """Return the point, for which a promise needs scans that were kept out.

        Raises:
            CohortError: A class has too few scans for the promise.
        """
        if self.risk is None:
            return OperatingPoint.of_costs(self.costs)
        return OperatingPoint.of_promise(np.array(kept_out.probabilities), np.array(kept_out.diagnostic), self.risk)


def choose_operating_point(bundle: Path | None, request: PointRequest, out: Path | None) -> list[str]:
    """Choose the operating point of a calibrated bundle, and return what it means, one sentence a line.

    Args:
        bundle: Folder of the bundle. None for the bundle in the package.
        request: Way to choose the point.
        out: TOML file to write, for `lgeqa assess --config`. None to write nothing.

    Raises:
        UsageError: The bundle is not calibrated.
        CohortError: A class has too few scans for the promise.
        OutputError: The file cannot be written.
    """
    opened = open_bundle(bundle)
    calibration = opened.manifest.quality.calibration
    if calibration is None or calibration.kept_out is None:
        raise UsageError(
            f"{opened.stamp.name} {opened.stamp.version}: has no scored scans that say what an operating point leads "
            "to. Calibrate it with lgeqa calibrate, and name the calibrated bundle with --bundle."
        )
    point = request.point(calibration.kept_out)
    lines = [
        point.text,
        outcome_text(calibration.kept_out.outcomes(point, Bootstrap())),
        f"Estimated on {calibration.data}",
    ]
    if out:
        write_whole(out, _toml(point))
        lines.append(f"Settings: {out} (use them with lgeqa assess --config {out})")
    return lines


def _toml(point: OperatingPoint) -> str:
    limits = f"accept_from = {point.accept_from!r}\nrepeat_below = {point.repeat_below!r}\n"
    return f"[operating_point]\n{limits}set_from = {json.dumps(point.set_from)}\n"
