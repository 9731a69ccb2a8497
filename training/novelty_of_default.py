"""Make the default bundle 0.5.0 from the networks of 0.4.0: the same weights, with novelty and its limits.

    lgeqa simulate -o WORK/cropped --from SCANS --n 24 --seed 11
    lgeqa simulate -o WORK/full --from SCANS --n 16 --seed 12 --field full
    lgeqa simulate -o WORK/phantoms --n 16 --seed 13
    python training/novelty_of_default.py BUNDLE WORK/bundle SCANS WORK/cropped WORK/full WORK/phantoms

BUNDLE is a bundle with the two networks. The cohorts are a small draw of what the networks learnt from: the real scans
as they were acquired, and copies of each kind with simulated artefacts. Bundles of new runs need no such script:
`lgeqa train` takes the run's own training slices.
"""

import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

from lgeqa.bundle.build import Description
from lgeqa.cohort import LabelRule, read_cohort
from lgeqa.prepare import QualityPreparation
from lgeqa.train.bundling import joined, quality_of_bundle, stage_1, with_novelty
from lgeqa.train.quality import quality_store

ABOUT = Path(__file__).with_name("default-bundle.toml")


def main(bundle: Path, out: Path, *cohorts: Path) -> None:
    """Write the bundle."""
    cases = [case for cohort in cohorts for case in read_cohort(cohort)]
    second = quality_of_bundle(bundle)
    with TemporaryDirectory() as scratch:
        preparation = QualityPreparation.of(second.settings["preparation"])
        store = quality_store(cases, preparation, LabelRule(), Path(scratch) / "prepared")
        data = f"{len(read_cohort(cohorts[0]))} real scans as acquired, the rest simulated"
        joined(
            out,
            stage_1(bundle),
            with_novelty(second, store, data, Path(scratch)),
            Description.of(tomllib.loads(ABOUT.read_text(encoding="utf-8"))),
        )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
