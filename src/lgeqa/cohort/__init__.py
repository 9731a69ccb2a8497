"""Scans with their patients, readers and scores, and how they are split."""

from lgeqa.cohort.split import Split as Split
from lgeqa.cohort.split import draw_split as draw_split
from lgeqa.cohort.split import load_split as load_split
from lgeqa.cohort.split import save_split as save_split
from lgeqa.cohort.table import LABEL as LABEL
from lgeqa.cohort.table import TRUTH as TRUTH
from lgeqa.cohort.table import Case as Case
from lgeqa.cohort.table import read_cohort as read_cohort
