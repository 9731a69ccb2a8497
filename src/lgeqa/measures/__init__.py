"""Image quality measures of a scan, each a function of the volume, the atrium mask and the voxel spacing."""

from lgeqa.measures.catalogue import BY_NAME as BY_NAME
from lgeqa.measures.catalogue import MEASURES as MEASURES
from lgeqa.measures.catalogue import Measure as Measure
from lgeqa.measures.compute import FUNCTIONS as FUNCTIONS
from lgeqa.measures.compute import compute_measures as compute_measures
from lgeqa.measures.compute import definition as definition
from lgeqa.measures.heart import Heart as Heart
from lgeqa.measures.measured_reader import MeasuredReader as MeasuredReader
from lgeqa.measures.measured_reader import ScaleRule as ScaleRule
from lgeqa.measures.measured_reader import measured_reader as measured_reader
from lgeqa.measures.reference_scans import ReferenceScans as ReferenceScans
from lgeqa.measures.reference_scans import reference_scans as reference_scans
