"""Scans with their patients, readers and scores, the labels made of them, and how they are split."""

from lgeqa.cohort.case import ADJUDICATED as ADJUDICATED
from lgeqa.cohort.case import LABEL as LABEL
from lgeqa.cohort.case import MEASURED as MEASURED
from lgeqa.cohort.case import PSEUDO_READERS as PSEUDO_READERS
from lgeqa.cohort.case import TRUTH as TRUTH
from lgeqa.cohort.case import Case as Case
from lgeqa.cohort.case import Scores as Scores
from lgeqa.cohort.labels import LabelRule as LabelRule
from lgeqa.cohort.labels import check_labelled as check_labelled
from lgeqa.cohort.labels import is_labelled as is_labelled
from lgeqa.cohort.labels import labels_of as labels_of
from lgeqa.cohort.labels import scores_of as scores_of
from lgeqa.cohort.labels import strata_of as strata_of
from lgeqa.cohort.labels import targets_of as targets_of
from lgeqa.cohort.read import gather_cohort as gather_cohort
from lgeqa.cohort.read import read_cohort as read_cohort
from lgeqa.cohort.saved import load_split as load_split
from lgeqa.cohort.saved import read_split as read_split
from lgeqa.cohort.saved import save_new_split as save_new_split
from lgeqa.cohort.saved import save_split as save_split
from lgeqa.cohort.split import Split as Split
from lgeqa.cohort.split import draw_split as draw_split
from lgeqa.cohort.split import fold_splits as fold_splits
from lgeqa.cohort.split import patients_of as patients_of
from lgeqa.cohort.split import repeated_splits as repeated_splits
