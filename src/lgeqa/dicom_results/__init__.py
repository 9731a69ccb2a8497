"""Results of a scan as DICOM objects of its study: structured report, segmentation, heat map and page."""

from lgeqa.dicom_results.write import write_dicom_results as write_dicom_results
