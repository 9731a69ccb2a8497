"""Image quality measures of a scan, each a function of the volume, the atrium mask and the voxel spacing."""

from lgeqa.measure.catalogue import BY_NAME as BY_NAME
from lgeqa.measure.catalogue import MEASURES as MEASURES
from lgeqa.measure.catalogue import Measure as Measure
from lgeqa.measure.heart import Heart as Heart
from lgeqa.measure.measured_reader import MeasuredReader as MeasuredReader
from lgeqa.measure.measured_reader import measured_reader as measured_reader
from lgeqa.measure.measured_reader import weighted_sum as weighted_sum
from lgeqa.measure.reference import ReferenceScans as ReferenceScans
from lgeqa.measure.reference import reference_scans as reference_scans
from lgeqa.measure.take import FUNCTIONS as FUNCTIONS
from lgeqa.measure.take import definition as definition
from lgeqa.measure.take import take_measures as take_measures
