"""Checks of the gate. Each examines one property and returns a finding, or None if nothing speaks against a verdict.

Limits of `review` are outside the range of the 70 public real scans with their masks as detected, and limits of
`refused` are far outside it. docs/results reports the measurements and their data.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import label

from lgeqa.inference.gate.likeness import AS_IT_IS, Signs, likeness
from lgeqa.measures import Heart
from lgeqa.outcomes import Severity
from lgeqa.records import Finding, FloatArray


@dataclass(frozen=True)
class Limits:
    """Range of a value, which is doubtful outside `review` and impossible outside `refuse`.

    Attributes:
        review: Lowest and highest value that raise no doubt.
        refuse: Lowest and highest value at which a verdict is still given.
    """

    review: tuple[float, float]
    refuse: tuple[float, float]

    def severity(self, value: float) -> Severity | None:
        """Return the severity of a value, which is `review` for a value that is not a number."""
        if value < self.refuse[0] or value > self.refuse[1]:
            return "refused"
        return None if self.review[0] <= value <= self.review[1] else "review"


_INFINITE = float("inf")
VOLUME_ML = Limits((30, 330), (12, 450))
HEIGHT_MM = Limits((45, 110), (30, 140))
#: Share of the atrium's mask in its largest piece.
LARGEST_PIECE = Limits((0.9, 1), (0.5, 1))
#: Area on the first or last slice of the stack, relative to the largest area.
END_AREA = Limits((0, 0.3), (0, 0.5))
VOTING_SLICES = Limits((10, _INFINITE), (6, _INFINITE))
#: Number of slices within the atrium that are empty or copies.
LOST_SLICES = Limits((0, 0), (0, 2))
#: Share of neighbouring voxels around the heart with the same grey level.
EQUAL_NEIGHBOURS = Limits((0, 0.45), (0, 0.65))
#: Signal of the darkest tenth, and of the median, around the atrium, in units of blood.
DARKEST_TENTH = Limits((-_INFINITE, 0.5), (-_INFINITE, 0.65))
MEDIAN_AROUND = Limits((-_INFINITE, 1.0), (-_INFINITE, 1.4))
#: Number of voxels with a probability of 0.2 to 0.8, relative to the number of voxels of the atrium.
UNCERTAIN = Limits((0, 0.45), (0, 2.0))
#: Correlation of the surroundings with the mean of real scans. A wrong inversion time can reverse its sign, so no value
#: is refused.
LIKENESS = Limits((0.4, 1), (-1, 1))
#: Increase of the correlation with real scans if the scan is reversed.
REVERSED_GAIN = Limits((-_INFINITE, 0.02), (-_INFINITE, _INFINITE))
#: Height that is missing above or below a truncated atrium, relative to the radius of a disc with the area on the last
#: slice, as the median of the real scans.
_MISSING_OF_RADIUS = 0.9

_OWN_MASK = "A mask of your own can be used with --given-masks."
_AXES = ("head and foot", "front and back", "left and right")
_IS_IT_LGE = "Check that it is an axial left-atrial LGE scan, and that its magnitude images were sent."


@dataclass(frozen=True)
class Evidence:
    """Data that the checks examine.

    Attributes:
        heart: Anatomy of the scan.
        probabilities: Probability of blood pool by the detector at each voxel. None if a mask was supplied.
    """

    heart: Heart
    probabilities: FloatArray | None = None

    @cached_property
    def areas(self) -> FloatArray:
        """Area of the atrium on each slice in pixels, (slice,)."""
        areas: FloatArray = self.heart.whole_atrium.sum(axis=(1, 2)).astype(np.float32)
        return areas

    @cached_property
    def held(self) -> tuple[int, int]:
        """Lowest and highest slice with the atrium."""
        slices = np.flatnonzero(self.areas)
        return int(slices[0]), int(slices[-1])

    @cached_property
    def likeness(self) -> dict[Signs, float]:
        """Likeness to the mean of real scans, as it is and reversed."""
        return likeness(self.heart)


def atrium_found(evidence: Evidence) -> Finding | None:
    """Check that an atrium was found, with blood brighter than the darkest voxels near it."""
    heart = evidence.heart
    if not heart.whole_atrium.any():
        text = f"No left atrium was found on any of the {len(heart.voxels)} slices."
    elif not heart.is_there:
        text = "What was found as the left atrium is as dark as the darkest voxels near it."
    else:
        return None
    return Finding(check="atrium_found", severity="refused", seen=text, remedy=f"{_IS_IT_LGE} {_OWN_MASK}")


def atrium_volume(evidence: Evidence) -> Finding | None:
    """Check the volume of the atrium."""
    volume = float(evidence.areas.sum() * np.prod(evidence.heart.spacing_mm) / 1000)
    text = f"The left atrium that was found has {volume:.0f} ml; real ones have about 40 to 280 ml."
    return _finding("atrium_volume", VOLUME_ML.severity(volume), text, f"{_IS_IT_LGE} {_OWN_MASK}")


def atrium_height(evidence: Evidence) -> Finding | None:
    """Check the height of the atrium."""
    first, last = evidence.held
    height = (last - first + 1) * evidence.heart.spacing_mm[0]
    text = f"The left atrium that was found is {height:.0f} mm high; real ones are about 50 to 90 mm."
    return _finding("atrium_height", HEIGHT_MM.severity(height), text, f"{_IS_IT_LGE} {_OWN_MASK}")


def atrium_in_one_piece(evidence: Evidence) -> Finding | None:
    """Check that the atrium is one piece except for the ends of veins."""
    pieces, _ = label(evidence.heart.whole_atrium, np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())[1:]
    share = float(sizes.max() / sizes.sum())
    text = f"The mask of the atrium is in {len(sizes)} pieces, and the largest holds {100 * share:.0f} % of it."
    return _finding("atrium_in_one_piece", LARGEST_PIECE.severity(share), text, "Check the mask of the atrium.")


def stack_covers_atrium(evidence: Evidence) -> Finding | None:
    """Check that the stack of slices does not end within the atrium."""
    parts, worst = [], 0.0
    for z, side in ((0, "below"), (-1, "above")):
        share = float(evidence.areas[z] / evidence.areas.max())
        if END_AREA.severity(share):
            radius = float(np.sqrt(evidence.areas[z] * np.prod(evidence.heart.pixel_mm) / np.pi))
            parts.append(f"about {_MISSING_OF_RADIUS * radius:.0f} mm missing {side}")
        worst = max(worst, share)
    text = f"The scan is cut off: the atrium reaches the end of the stack, {' and '.join(parts)}."
    remedy = "Scan again with slices from below the atrium to above the pulmonary veins, or send the whole stack."
    return _finding("stack_covers_atrium", END_AREA.severity(worst), text, remedy)


def enough_slices_vote(evidence: Evidence) -> Finding | None:
    """Check that enough slices hold the atrium for a vote."""
    voting = int((evidence.areas > 0).sum())
    text = f"{_slices(voting)} the left atrium, which are too few for a vote."
    return _finding("enough_slices_vote", VOTING_SLICES.severity(voting), text, "Give the whole stack of thin slices.")


def no_slice_lost(evidence: Evidence) -> Finding | None:
    """Check that no slice within the atrium, or at its ends, is empty or a copy of the slice below."""
    first, last = evidence.held
    near = slice(max(first - 1, 0), last + 2)
    empty, copies = (int(kind[near].sum()) for kind in (evidence.heart.empty_slices, evidence.heart.repeated_slices))
    # Blanked slices can split an atrium, and are then next to the detected part.
    empty = max(empty, _gap(evidence.heart.empty_slices, near))
    text = f"{empty} slices in the atrium are empty and {copies} are copies of the slice below."
    severity = LOST_SLICES.severity(empty + copies)
    return _finding("no_slice_lost", severity, text, "Slices were lost: send or export the scan again.")


def grey_scale_of_image(evidence: Evidence) -> Finding | None:
    """Check that neighbouring voxels differ, as they do in an image and not in a map of labels."""
    heart = evidence.heart
    around = heart.voxels[heart.window][~heart.empty_slices[heart.window[0]]]
    steps = np.diff(around, axis=2)
    share = float((steps == 0).mean()) if steps.size else 1.0
    text = f"{100 * share:.0f} % of neighbouring voxels have the same grey level, as in a map of labels."
    return _finding("grey_scale_of_image", EQUAL_NEIGHBOURS.severity(share), text, _IS_IT_LGE)


def blood_brighter_than_lung(evidence: Evidence) -> Finding | None:
    """Check that blood is brighter than its surroundings of lung, muscle and fat."""
    heart = evidence.heart
    around = heart.coarse_smooth[heart.coarse_atrium < 0.1]
    if not around.size:
        return _finding("blood_brighter_than_lung", "refused", "The atrium fills the whole image.", _IS_IT_LGE)
    dark, middle = (float(level) for level in np.quantile(around, (0.1, 0.5)))
    severities = (DARKEST_TENTH.severity(dark), MEDIAN_AROUND.severity(middle))
    severity: Severity | None = "refused" if "refused" in severities else "review" if "review" in severities else None
    text = (
        f"The darkest tenth around the atrium has {100 * dark:.0f} % and the middle {100 * middle:.0f} % of the signal "
        "of blood: nothing there is as dark as lung, as in noise, an inverted grey scale or a phase image."
    )
    return _finding("blood_brighter_than_lung", severity, text, _IS_IT_LGE)


def detector_is_sure(evidence: Evidence) -> Finding | None:
    """Check that the detector is certain about the border of the atrium."""
    if evidence.probabilities is None:
        return None
    unsure = (evidence.probabilities > 0.2) & (evidence.probabilities < 0.8)
    share = float(unsure.sum() / evidence.areas.sum())
    doubt = f"voxels in doubt are {100 * share:.0f} % as many as its own"
    text = f"The left atrium was found with little certainty: {doubt}."
    return _finding("detector_is_sure", UNCERTAIN.severity(share), text, f"Look at the outline. {_OWN_MASK}")


def looks_like_heart(evidence: Evidence) -> Finding | None:
    """Check that the surroundings of the atrium resemble real scans."""
    alike = evidence.likeness[AS_IT_IS]
    text = f"The surroundings of the atrium look little like those in other scans (correlation {alike:.2f}, usual .65)."
    return _finding("looks_like_heart", LIKENESS.severity(alike), text, _IS_IT_LGE)


def orientation_as_stated(evidence: Evidence) -> Finding | None:
    """Check that the orientation of the scan is not reversed relative to its header."""
    best = max(evidence.likeness, key=lambda way: np.nan_to_num(evidence.likeness[way], nan=-1))
    gain = evidence.likeness[best] - evidence.likeness[AS_IT_IS]
    if np.isnan(gain):
        return None
    axes = [name for name, sign in zip(_AXES, best, strict=True) if sign < 0]
    text = f"The scan looks more like a heart with {' and '.join(axes)} exchanged (correlation higher by {gain:.2f})."
    remedy = "Check the orientation in the header of the file."
    return _finding("orientation_as_stated", REVERSED_GAIN.severity(gain), text, remedy)


def _finding(check: str, severity: Severity | None, text: str, remedy: str) -> Finding | None:
    """Return a finding, or None if there is no severity."""
    return Finding(check=check, severity=severity, seen=text, remedy=remedy) if severity else None


def _slices(count: int) -> str:
    """Return a number of slices as the subject of a sentence."""
    return "1 slice holds" if count == 1 else f"{count} slices hold"


def _gap(empty: np.ndarray[tuple[int], np.dtype[np.bool_]], near: slice) -> int:
    """Return the number of empty slices in runs that touch `near` but do not reach an end of the stack."""
    runs, count = label(empty)
    inner = set(range(1, count + 1)) - {int(runs[0]), int(runs[-1])}
    touching = inner & set(np.unique(runs[near]).tolist())
    return int(np.isin(runs, list(touching)).sum())
