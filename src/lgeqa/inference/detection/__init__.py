"""Detection of the slices that hold the left atrium."""

from lgeqa.inference.detection.atrium import SliceRule as SliceRule
from lgeqa.inference.detection.atrium import atrium_mask as atrium_mask
from lgeqa.inference.detection.atrium import slice_areas_mm2 as slice_areas_mm2
from lgeqa.inference.detection.two_pass import search_atrium as search_atrium
