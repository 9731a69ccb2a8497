"""Detection of the slices that hold the left atrium."""

from lgeqa.detect.atrium import SliceRule as SliceRule
from lgeqa.detect.atrium import atrium_mask as atrium_mask
from lgeqa.detect.atrium import slice_areas_mm2 as slice_areas_mm2
from lgeqa.detect.search import search_atrium as search_atrium
