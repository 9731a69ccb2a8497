"""The report: self-contained HTML pages."""

from lgeqa.reporting.page import render as render
from lgeqa.reporting.pictures import ScanPictures as ScanPictures
from lgeqa.reporting.pictures import draw_pictures as draw_pictures
from lgeqa.reporting.presenter import ENDS as ENDS
from lgeqa.reporting.presenter import ScanView as ScanView
from lgeqa.reporting.presenter import end_of as end_of
