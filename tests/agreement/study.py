"""A small study with every oddity: three readers, scans that cannot be rated, second readings, a missing one."""

from lgeqa.agreement.ratings import Reading
from lgeqa.cohort import Scores

#: Scan: patient, then what ann, bob and cy said; None for "cannot be rated", and nothing where they did not read it.
FIRST: dict[str, tuple[str, dict[str, Scores | None]]] = {
    "agreed": ("p1", {"ann": (4, 4, 4, 4), "bob": (4, 4, 4, 4), "cy": (4, 4, 4, 4)}),
    "close": ("p1", {"ann": (4, 4, 4, 4), "bob": (5, 4, 4, 5), "cy": (4, 3, 4, 4)}),
    "split": ("p2", {"ann": (3, 3, 3, 3), "bob": (3, 3, 3, 2), "cy": (3, 3, 3, 2)}),
    "far": ("p3", {"ann": (1, 2, 2, 1), "bob": (3, 2, 2, 1), "cy": (1, 2, 2, 2)}),
    "both": ("p4", {"ann": (5, 2, 2, 1), "bob": (3, 5, 2, 4), "cy": (5, 2, 2, 2)}),
    "refused": ("p5", {"ann": None, "bob": (3, 3, 3, 3), "cy": (3, 3, 3, 3)}),
    "hopeless": ("p5", {"ann": None, "bob": None, "cy": None}),
    "alone": ("p6", {"ann": (1, 1, 1, 1)}),
}
#: Second readings by ann.
AGAIN: dict[str, Scores | None] = {"agreed": (4, 4, 4, 4), "far": (2, 2, 2, 3), "both": None}


def readings() -> list[Reading]:
    first = [
        Reading(scan, patient, reader, 1, scores)
        for scan, (patient, given) in FIRST.items()
        for reader, scores in given.items()
    ]
    return [Reading(scan, FIRST[scan][0], "ann", 2, scores) for scan, scores in AGAIN.items()] + first
