"""The report: self-contained HTML pages."""

from lgeqa.report.page import render as render
from lgeqa.report.pictures import ScanPictures as ScanPictures
from lgeqa.report.pictures import draw_pictures as draw_pictures
from lgeqa.report.view import ENDS as ENDS
from lgeqa.report.view import ScanView as ScanView
from lgeqa.report.view import end_of as end_of
