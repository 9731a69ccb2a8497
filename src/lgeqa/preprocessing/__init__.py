"""Preparation of a volume for the two networks, the same in training and in use."""

from lgeqa.preprocessing.detector_input import AtriumPlace as AtriumPlace
from lgeqa.preprocessing.detector_input import DetectorGrid as DetectorGrid
from lgeqa.preprocessing.detector_input import DetectorPreparation as DetectorPreparation
from lgeqa.preprocessing.detector_input import context_slices as context_slices
from lgeqa.preprocessing.detector_input import prepare_for_detector as prepare_for_detector
from lgeqa.preprocessing.detector_input import to_scan_grid as to_scan_grid
from lgeqa.preprocessing.intensity_reference import IntensityReference as IntensityReference
from lgeqa.preprocessing.intensity_reference import intensity_reference as intensity_reference
from lgeqa.preprocessing.quality_input import QualityField as QualityField
from lgeqa.preprocessing.quality_input import QualityPreparation as QualityPreparation
from lgeqa.preprocessing.quality_input import prepare_for_quality as prepare_for_quality
from lgeqa.preprocessing.quality_input import quality_context as quality_context
from lgeqa.preprocessing.quality_input import quality_field as quality_field
