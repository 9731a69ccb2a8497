"""The report for people: one HTML file that needs nothing else."""

from lgeqa.report.page import ENDS as ENDS
from lgeqa.report.page import end_of as end_of
from lgeqa.report.page import render as render
