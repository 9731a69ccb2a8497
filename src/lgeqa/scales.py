"""The four scales on which a scan is scored: their order, meaning and the 3-or-more rule.

Source: section 3.2 of the paper. 5 is best on every scale; the paper's sentence on sharpness that says
otherwise is a slip (expert scores correlate at +.76 with quality).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal, TypeVar

#: A score of this value or more is diagnostic (class 1). Halves occur as averages: 2.5 is non-diagnostic.
DIAGNOSTIC_FROM: Final = 3.0
#: A probability of this value or more passes a scale. In quality, a bundle's own threshold decides on a slice.
PASSES_FROM: Final = 0.5
LOWEST_SCORE: Final = 1
HIGHEST_SCORE: Final = 5
#: Distribution of an expert's score around a measured one. Single readers differ by about this standard deviation.
_SPREAD: Final = NormalDist(0, 0.6)

#: Name of a scale, for what is checked as it is read. Those of `SCALES`, in their order.
ScaleName = Literal["myocardium_nulling", "sharpness", "enhancement", "quality"]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Publication:
    """Publication behind a piece of advice: its citation and its digital object identifier."""

    citation: str
    doi: str


PROTOCOLS: Final = Publication(
    "Kramer et al., Standardized cardiovascular magnetic resonance imaging (CMR) protocols: 2020 update, "
    "J Cardiovasc Magn Reson 2020, 22:17",
    "10.1186/s12968-020-00607-1",
)
OPTIMIZATION: Final = Publication(
    "Chubb et al., Optimization of late gadolinium enhancement cardiovascular magnetic resonance imaging of "
    "post-ablation atrial scar: a cross-over study, J Cardiovasc Magn Reson 2018, 20:30",
    "10.1186/s12968-018-0449-8",
)
BELLOWS: Final = Publication(
    "Peters et al., Respiratory bellows-gated late gadolinium enhancement of the left atrium, "
    "J Magn Reson Imaging 2013",
    "10.1002/jmri.23954",
)


@dataclass(frozen=True)
class Scale:
    """One of the four scales.

    Attributes:
        name: Identifier in tables, columns and code.
        title: Name to display.
        short_title: Name to display where there is little room.
        file_keys: Keys in the authors' `labels.json` and reader files, the preferred one first.
        question: Question that a reader answers.
        worst: Appearance of a scan with a score of 1.
        best: Appearance of a scan with a score of 5.
        advice: Advice on what to check and what to change in the next scan, for a scan that fails the scale.
        sources: Publications behind the advice. Empty if the advice is this package's own.
    """

    name: str
    title: str
    short_title: str
    file_keys: tuple[str, ...]
    question: str
    worst: str
    best: str
    advice: str
    sources: tuple[Publication, ...] = ()


SCALES: Final = (
    Scale(
        name="myocardium_nulling",
        title="Myocardium nulling",
        short_title="Nulling",
        file_keys=("myocardium_nulling",),
        question="How dark is the myocardium of the left ventricle, against its blood pool?",
        worst="the left-ventricular myocardium is brighter than the blood pool",
        best="the left-ventricular myocardium is as dark as the signal-free background",
        advice="Check the inversion time. Set it to null normal myocardium, from a scout (TI scout, Look-Locker) made "
        "just before the scan: the null moves to longer times as the contrast agent washes out.",
        sources=(PROTOCOLS,),
    ),
    Scale(
        name="sharpness",
        title="Sharpness",
        short_title="Sharp.",
        file_keys=("sharpness",),
        question="How clear are the borders of the left atrium and the other chambers?",
        worst="the borders of the left atrium and the other chambers are blurred",
        best="the borders of the cardiac chambers are well defined",
        advice="Check the respiratory navigator or bellows (position, share of breaths accepted, drift), the quiet "
        "phase of the heart and arrhythmia, and the acquired resolution. A navigator's pulse can leave bright inflow "
        "in the right pulmonary veins that hides or mimics scar; bellows leave none.",
        sources=(PROTOCOLS, BELLOWS),
    ),
    Scale(
        name="enhancement",
        title="Enhancement of aorta and valve",
        short_title="Enh.",
        file_keys=("enhancement_of_aorta_and_valves", "enhancement_of_fibrous_tissue"),
        question="Do the wall of the aorta and the valves enhance?",
        worst="the aortic wall and the valves do not enhance",
        best="the aortic wall and the valves enhance clearly",
        advice="Check the dose of contrast agent and the delay after its injection: for scar of the atrial wall, "
        "imaging at least 20 minutes after the injection is advised.",
        sources=(OPTIMIZATION,),
    ),
    Scale(
        name="quality",
        title="Quality for fibrosis assessment",
        short_title="Quality",
        file_keys=("quality_for_fibrosis_assessment",),
        question="Do enhanced fibrous structures stand out from the blood pool?",
        worst="no enhanced fibrous structure can be distinguished from the blood pool",
        best="enhanced fibrous structures stand out from the blood pool",
        advice="Fibrosis should not be measured on this scan unless the failed attributes are explained.",
    ),
)

#: Names of the four scales, in the order of every array, column and network output.
SCALE_NAMES: Final = tuple(scale.name for scale in SCALES)
#: Scales of single attributes, from which the quality is predicted.
ATTRIBUTES: Final = tuple(scale for scale in SCALES if scale.name != "quality")
ATTRIBUTE_NAMES: Final = tuple(scale.name for scale in ATTRIBUTES)
#: The scales in the order in which people read them.
QUALITY_FIRST: Final = (*(scale for scale in SCALES if scale.name == "quality"), *ATTRIBUTES)


def in_order(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return one value for each scale, in the order of `SCALE_NAMES`.

    Raises:
        ValueError: A scale has no value, or there is a value for something else. The message names it.
    """
    if wrong := sorted(values.keys() ^ set(SCALE_NAMES)):
        raise ValueError(f"{', '.join(wrong)}: give one value for each of {', '.join(SCALE_NAMES)}")
    return {name: values[name] for name in SCALE_NAMES}


def is_diagnostic(score: float) -> bool:
    """Return whether a score of 1 to 5 counts as diagnostic (class 1): 3.0 or more (section 4.1)."""
    return score >= DIAGNOSTIC_FROM


def chance_of_at_least(least: float, measured: float) -> float:
    """Return the assumed probability that an expert gives a score of at least `least` to a scan with a measured score.

    The expert's score has a normal distribution around the measured one, with a standard deviation of 0.6.
    """
    return _SPREAD.cdf(measured - least)
