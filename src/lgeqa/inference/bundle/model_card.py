"""The model card, generated from the manifest so that the two cannot disagree."""

from lgeqa.bootstrap import Bootstrap, cell
from lgeqa.inference.bundle.calibration import Calibration
from lgeqa.inference.bundle.kept_out import COVERAGES, OUTCOMES, nearest_to, outcome_text
from lgeqa.inference.bundle.manifest import Manifest, NoveltyLimits
from lgeqa.inference.detection import SliceRule
from lgeqa.operating_point import DEFAULT
from lgeqa.table_text import markdown_table

_LABELS = {
    "simulated": (
        "**The scores that this model learnt from are simulated, not given by experts.** Its verdicts say how strongly "
        "a scan shows the simulated artefacts. How they relate to experts' reading of clinical scans has not been "
        "measured."
    ),
    "measured": (
        "**The scores that this model learnt from follow from image quality measures, not from experts' reading.** Its "
        "verdicts say how a scan ranks by these measures among the scans that set their scale. How they relate to "
        "experts' reading of clinical scans has not been measured."
    ),
    "expert": "The scores that this model learnt from were given by readers; see the training data below.",
}
_NO_DEVICE = "**This is research software and not a medical device.** No clinical decision may rest on it."


def model_card(manifest: Manifest, *, weighs_slices: bool) -> str:
    """Return the model card as Markdown.

    Args:
        manifest: Manifest of the bundle.
        weighs_slices: Whether the slices of a scan count by attention, as in `Bundle.weighs_slices`.
    """
    quality = manifest.quality.preparation
    field = f"{quality.field_mm:g} mm around the atrium" if quality.field == "atrium" else "the whole slice"
    if quality.margin_mm is not None:
        field += f", no farther than {quality.margin_mm:g} mm from its box,"
    verdict = _share(manifest) + _verdict(manifest.threshold, weighs_slices)
    figures = "\n".join(f"| {m.name} | {m.value:.3f} | {m.measured_on} |" for m in manifest.metrics)
    return f"""# Model card: {manifest.name} {manifest.version}

{_LABELS[manifest.labels]}

{_NO_DEVICE}
{_paragraph(manifest.caution)}
## What it does
Finds the slices of an axial left-atrial LGE-MRI scan that hold the left atrium, and gives each slice the probability
of being diagnostic (a score of 3 or more of 5) in {", ".join(manifest.quality.outputs)}. {verdict}

Intended use: {manifest.intended_use}

## How it was made
| | |
|---|---|
| created | {manifest.created} |
| training data | {manifest.training_data} |
| strategy | {manifest.strategy} |
| detector sees | whole slices at {manifest.detector.preparation.pixel_mm:g} mm a pixel |
| detector rule | {_rule(manifest.detector.rule)} |
| quality network sees | {field} in {quality.pixels} x {quality.pixels} pixels, signal in units of the blood pool's |
| unlike its training scans | {_novelty(manifest.quality.novelty)} |
{_calibration(manifest.quality.calibration)}| licence | {manifest.license} |

## What was measured
| figure | value | on |
|---|---|---|
{figures or "| none | | |"}

{_decisions(manifest)}
## Files
{chr(10).join(f"- `{name}`: SHA-256 {sha}" for name, sha in manifest.sha256.items())}
"""


def _decisions(manifest: Manifest) -> str:
    """Return what the operating point leads to, and how far probabilities hold, on kept-out scans of a calibration."""
    point = manifest.operating_point or DEFAULT

    calibration = manifest.quality.calibration
    kept_out = calibration and calibration.kept_out
    if not kept_out:
        return f"## Decisions\n{point.text} How often that is wrong has not been measured.\n"
    outcomes = kept_out.outcomes(point, Bootstrap())
    shares = markdown_table(("share of the scans", ""), [(OUTCOMES[n], cell(e, ".1%")) for n, e in outcomes.items()])
    reliability = [(f"{p:.2f}", f"{share:.2f}", str(n)) for p, share, n in kept_out.reliability()]
    nearest = nearest_to(kept_out.risk_coverage(), COVERAGES)
    return f"""## Decisions
{point.text} {outcome_text(outcomes)} Measured on {len(kept_out.probabilities)} scans of the calibration, each by
one that left its patient out.

{shares}

Reliability, in bins of equally many scans:

{markdown_table(("mean probability", "share diagnostic", "scans"), reliability)}

Risk and coverage, if the scans of highest probability are accepted:

{markdown_table(("accepted", "poor among them"), [(f"{part:.0%}", f"{risk:.0%}") for part, risk in nearest])}
"""


def _share(manifest: Manifest) -> str:
    """Return the weights of the two judges whose probabilities are averaged, or nothing if the network is alone."""
    if not (measured := manifest.measured_share):
        return ""
    return (
        f"Each probability\nis the mean of the network's, with a weight of {1 - measured:g}, and of that which follows "
        f"from image quality measures\n(the measured reader, version {manifest.measured_reader}), with {measured:g}. "
    )


def _verdict(threshold: float, weighs_slices: bool) -> str:
    if not weighs_slices:
        return f"The verdict of a scan is the\nvote of its slices at the threshold {threshold:g}."
    return (
        "The network gives each\nslice a weight too. The verdict of a scan is the side of the threshold "
        f"{threshold:g} on which its probability lies, that of the\nweighted mean of its slices' logits."
    )


def _rule(rule: SliceRule) -> str:
    parts = [f"any pixel with a probability above {rule.threshold:g}"]
    if rule.largest_component:
        parts.append("the 3-D component with the most bright voxels only")
    if rule.minimum_area_mm2:
        parts.append(f"at least {rule.minimum_area_mm2:g} mm2 on a slice")
    return ", ".join(parts)


def _paragraph(text: str) -> str:
    return f"\n**{text}**\n" if text else ""


def _calibration(calibration: Calibration | None) -> str:
    """Return a row of the table, or nothing for a bundle that is not calibrated."""
    return "" if calibration is None else f"| calibrated on | {calibration.data} |\n"


def _novelty(limits: NoveltyLimits | None) -> str:
    if limits is None:
        return "not recognised"
    return f"novelty from {limits.review:g} is for review, from {limits.refuse:g} refused; {limits.set_from}"
