"""The report: HTML pages that need no network."""

from lgeqa.reporting.pictures import ScanPictures as ScanPictures
from lgeqa.reporting.pictures import draw_pictures as draw_pictures
from lgeqa.reporting.presenter import ENDS as ENDS
from lgeqa.reporting.presenter import ScanView as ScanView
from lgeqa.reporting.presenter import end_of as end_of
from lgeqa.reporting.report import render as render
