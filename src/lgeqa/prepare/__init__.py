"""Preparation of a volume for the two networks, the same in training and in use."""

from lgeqa.prepare.detector import AtriumPlace as AtriumPlace
from lgeqa.prepare.detector import DetectorGrid as DetectorGrid
from lgeqa.prepare.detector import DetectorPreparation as DetectorPreparation
from lgeqa.prepare.detector import context_slices as context_slices
from lgeqa.prepare.detector import prepare_for_detector as prepare_for_detector
from lgeqa.prepare.detector import to_scan_grid as to_scan_grid
from lgeqa.prepare.quality import QualityField as QualityField
from lgeqa.prepare.quality import QualityPreparation as QualityPreparation
from lgeqa.prepare.quality import prepare_for_quality as prepare_for_quality
from lgeqa.prepare.quality import quality_field as quality_field
from lgeqa.prepare.reference import IntensityReference as IntensityReference
from lgeqa.prepare.reference import intensity_reference as intensity_reference
