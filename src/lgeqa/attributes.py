"""The four scales on which a scan is scored: their order, meaning and the 3-or-more rule.

Source: section 3.2 of the paper. 5 is best on every scale; the paper's sentence on sharpness that says
otherwise is a slip (expert scores correlate at +.76 with quality).
"""

from dataclasses import dataclass
from typing import Final

#: A score of this value or more is diagnostic (class 1). Halves occur as averages: 2.5 is non-diagnostic.
DIAGNOSTIC_FROM: Final = 3.0
LOWEST_SCORE: Final = 1
HIGHEST_SCORE: Final = 5


@dataclass(frozen=True)
class Scale:
    """One of the four scales.

    Attributes:
        name: identifier in tables, columns and code.
        title: name for people.
        file_keys: keys in the authors' `labels.json` and reader files, preferred one first.
        worst: what a score of 1 looks like.
        best: what a score of 5 looks like.
        advice: what to look at when the scale is failed.
    """

    name: str
    title: str
    file_keys: tuple[str, ...]
    worst: str
    best: str
    advice: str


SCALES: Final = (
    Scale(
        name="myocardium_nulling",
        title="Myocardium nulling",
        file_keys=("myocardium_nulling",),
        worst="the left-ventricular myocardium is brighter than the blood pool",
        best="the left-ventricular myocardium is as dark as the signal-free background",
        advice="Check the inversion time against a scout made just before the scan.",
    ),
    Scale(
        name="sharpness",
        title="Sharpness",
        file_keys=("sharpness",),
        worst="the borders of the left atrium and the other chambers are blurred",
        best="the borders of the cardiac chambers are well defined",
        advice="Check the navigator's acceptance and position, breathing, heart rate and resolution.",
    ),
    Scale(
        name="enhancement",
        title="Enhancement of aorta and valve",
        file_keys=("enhancement_of_aorta_and_valves", "enhancement_of_fibrous_tissue"),
        worst="the aortic wall and the valves do not enhance",
        best="the aortic wall and the valves enhance clearly",
        advice="Check the dose of contrast agent and the delay after its injection.",
    ),
    Scale(
        name="quality",
        title="Quality for fibrosis assessment",
        file_keys=("quality_for_fibrosis_assessment",),
        worst="no enhanced fibrous structure can be told from the blood pool",
        best="enhanced fibrous structures stand out from the blood pool",
        advice="Fibrosis should not be measured on this scan unless the failed attributes are explained.",
    ),
)

#: Names of the four scales, in the order of every array, column and network output.
NAMES: Final = tuple(scale.name for scale in SCALES)
#: The first three, which the quality is predicted from.
ATTRIBUTE_NAMES: Final = NAMES[:3]


def is_diagnostic(score: float) -> bool:
    """Whether a score of 1 to 5 counts as diagnostic (class 1): 3.0 or more (section 4.1)."""
    return score >= DIAGNOSTIC_FROM
