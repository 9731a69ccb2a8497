"""A small BIDS data set of toy scans."""

import json
from pathlib import Path

from tests.toy import toy_scan

#: Images of the data set, of which three are LGE by their names.
IMAGES = (
    "sub-01/ses-pre/anat/sub-01_ses-pre_acq-LGE_run-1_T1w.nii.gz",
    "sub-02/ses-pre/anat/sub-02_ses-pre_acq-LGE_run-02_T1w.nii.gz",
    "sub-02/ses-pre/anat/sub-02_ses-pre_acq-cine_T1w.nii.gz",
    "sub-LGE3/cmr/sub-LGE3_lge.nii.gz",
    "sub-LGE3/cmr/sub-LGE3_cine.nii.gz",
)
PARTICIPANTS = "participant_id\tage\tsex\nsub-01\t61\tF\nsub-02\t70\tM\nsub-09\t55\tF\n"


def bids_dataset(root: Path) -> Path:
    """Write the data set, with a derivative and a file without a BIDS name, which are not its images."""
    for seed, name in enumerate((*IMAGES, "sub-01/ses-pre/anat/LGE.nii.gz", "derivatives/x/sub-01/sub-01_lge.nii.gz")):
        toy_scan(root / name, seed)
    description = {"Name": "Hearts", "BIDSVersion": "1.10.0"}
    (root / "dataset_description.json").write_text(json.dumps(description), encoding="utf-8")
    (root / "participants.tsv").write_text(PARTICIPANTS, encoding="utf-8")
    return root
