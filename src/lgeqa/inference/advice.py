"""Advice on a poor scan: the probable cause, how strong the evidence is, what to change, and whether a repeat helps."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from lgeqa.formatting import probability_text
from lgeqa.inference.vote import scan_call
from lgeqa.measures import BY_NAME
from lgeqa.records import Acquisition, Advice, ScanResult
from lgeqa.scales import BELLOWS, OPTIMIZATION, PROTOCOLS, Publication

#: Evidence of a measure from which it counts alone: worse than nine tenths of the reference scans.
POOR: Final = 0.9
#: Minutes after the injection before which scar of the atrial wall is not fully enhanced (Chubb et al. 2018).
EARLY: Final = 20.0
#: Minutes after the injection after which a repeat is called unlikely to help. A choice of this package.
LATE: Final = 40.0
#: Worth of a repeat in the same visit. `unneeded` if the data can be mended.
Repeat = Literal["likely", "unlikely", "unneeded"]


@dataclass(frozen=True)
class Cause:
    """One cause of a poor scan that its probabilities and measures can show.

    Attributes:
        name: Identifier in records.
        title: Display name.
        scale: Scale that it lowers. None if no scale is its own.
        measures: Measures that it makes worse.
        change: Advice on what to change.
        repeat: Worth of a repeat, if nothing is known of the time since the injection.
        reason: Reason for this worth.
        fades: Whether the time since the injection matters.
        checks: Checks of the gate that find it.
        sources: Publications behind the advice.
    """

    name: str
    title: str
    scale: str | None
    measures: tuple[str, ...]
    change: str
    repeat: Repeat
    reason: str
    fades: bool = False
    checks: tuple[str, ...] = ()
    sources: tuple[Publication, ...] = ()


CAUSES: Final = (
    Cause(
        "inversion_time",
        "Inversion time",
        "myocardium_nulling",
        ("nulling_ratio", "dark_line_percent"),
        "Choose the inversion time that nulls normal myocardium, from a scout (TI scout, Look-Locker) made just before "
        "the scan: the null moves to longer times as the contrast agent washes out. A dark line around the blood means "
        "that the time was too short.",
        "likely",
        "the time can be set again at once",
        fades=True,
        sources=(PROTOCOLS,),
    ),
    Cause(
        "motion",
        "Blur by motion or a coarse matrix",
        "sharpness",
        ("edge_width_mm",),
        "Check the respiratory navigator or bellows (position, share of breaths accepted, drift), the quiet phase of "
        "the heart and arrhythmia, and the acquired resolution. A navigator's pulse can leave bright inflow in the "
        "right pulmonary veins that hides or mimics scar; bellows leave none.",
        "likely",
        "breathing and the gate to the heart can be set again",
        fades=True,
        sources=(PROTOCOLS, BELLOWS),
    ),
    Cause(
        "enhancement",
        "Little enhancement",
        "enhancement",
        ("aortic_wall_contrast", "septal_contrast", "wall_cnr"),
        "Check the dose of contrast agent and the delay after its injection: for scar of the atrial wall, imaging at "
        "least 20 minutes after the injection is advised.",
        "unlikely",
        "the dose cannot be mended in this visit, and the delay is not known",
        fades=True,
        sources=(OPTIMIZATION,),
    ),
    Cause(
        "noise",
        "Noise",
        None,
        ("asnr", "noise_percent"),
        "Check that the coil lies close and all its elements are used, the slice thickness, and the bandwidth.",
        "likely",
        "coil and slices can be set again",
        fades=True,
    ),
    Cause(
        "ghosting",
        "Copies of moving tissue",
        None,
        ("ghosting_percent",),
        "Place a saturation band on the chest wall, check the direction of phase encoding, and the gate to breathing.",
        "likely",
        "band and direction can be set again",
        fades=True,
    ),
    Cause(
        "shading",
        "Uneven signal",
        None,
        ("shading_percent",),
        "Reconstruct the scan with the correction of the coils' profile (pre-scan normalisation), or check the coil.",
        "unneeded",
        "the raw data may be reconstructed with a correction",
    ),
    Cause(
        "coverage",
        "Atrium at the end of the stack",
        None,
        (),
        "Plan the stack with a few slices beyond the atrium on both sides.",
        "likely",
        "the stack can be moved",
        fades=True,
        checks=("stack_covers_atrium",),
    ),
    Cause(
        "export",
        "Lost slices",
        None,
        (),
        "Export or send the scan again, with all slices.",
        "unneeded",
        "the scanner may still hold the whole scan",
        checks=("no_slice_lost",),
    ),
)


def advise(result: ScanResult) -> tuple[Advice, ...]:
    """Return the advice on a scan with scores or measures, the strongest evidence first. Empty for a good scan.

    A cause is named if the scan fails its scale, if one of its measures is worse than nine tenths of the reference
    scans, or if a check of the gate found it. The strength of the evidence is the mean of what networks and measures
    say: one minus the probability of its scale, or else of quality, and the share of the reference scans that are
    better. A check has strength 1. It is not the probability that the cause is right.
    """
    advice = [item for cause in CAUSES if (item := _advice_on(result, cause))]
    return tuple(sorted(advice, key=lambda item: -item.strength))


def _advice_on(result: ScanResult, cause: Cause) -> Advice | None:
    scored = result.status == "assessed"
    fails = scored and cause.scale is not None and not scan_call(result, cause.scale)
    # The measures of a scan that may be no LGE scan at all say nothing about the acquisition.
    badness = {} if result.status == "not_assessable" else dict(_badness(result, cause.measures))
    poor = [name for name, share in badness.items() if share >= POOR]
    checked = [finding.seen for finding in result.findings if finding.check in cause.checks]
    if not (fails or poor or checked):
        return None
    seen = [
        *checked,
        *(f"{BY_NAME[name].title} worse than {badness[name]:.0%} of the reference scans." for name in poor),
    ]
    shares = [max(badness.values())] if badness else []
    if scored and not checked:
        shares.append(1 - float(getattr(result, f"p_{cause.scale or 'quality'}")))
    if fails:
        seen.insert(0, f"Probability of {str(cause.scale).replace('_', ' ')} {probability_text(1 - shares[-1])}.")
    repeat, reason = _repeat(cause, result.acquisition)
    return Advice(
        cause=cause.name,
        title=cause.title,
        strength=1.0 if checked else sum(shares) / len(shares),
        seen=" ".join(seen),
        change=" ".join(filter(None, (cause.change, _setting(cause, result.acquisition)))),
        repeat=repeat,
        reason=reason,
        sources=tuple(f"{source.citation}, doi:{source.doi}" for source in cause.sources),
    )


def _badness(result: ScanResult, names: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """Yield the share of the reference scans that are better in each defined measure."""
    places = result.measures.places if result.measures else {}
    for name in names:
        if name in places:
            yield name, places[name] if BY_NAME[name].better == "lower" else 1 - places[name]


def _repeat(cause: Cause, acquisition: Acquisition | None) -> tuple[Repeat, str]:
    minutes = acquisition.minutes_since_contrast if acquisition else None
    if not cause.fades or minutes is None:
        return cause.repeat, cause.reason
    since = f"the scan began {minutes:.0f} minutes after the injection"
    if minutes > LATE:
        return "unlikely", f"{since}, and the contrast agent is washing out"
    if cause.name == "enhancement":
        if minutes < EARLY:
            return "likely", f"{since}; wait until {EARLY:.0f} minutes"
        return "unlikely", f"{since}, so the delay is not the cause"
    return cause.repeat, f"{cause.reason}; {since}"


def _setting(cause: Cause, acquisition: Acquisition | None) -> str:
    """Return the setting of this scan that the advice is about, where the header gives it."""
    if acquisition is None:
        return ""
    if cause.name == "inversion_time" and acquisition.inversion_time_ms is not None:
        return f"It was {acquisition.inversion_time_ms:.0f} ms."
    if cause.name == "motion" and acquisition.heart_rate_bpm is not None:
        return f"The heart rate was {acquisition.heart_rate_bpm:.0f} a minute."
    return ""
