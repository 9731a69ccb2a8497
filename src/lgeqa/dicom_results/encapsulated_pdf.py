"""One-page report on a scan as an encapsulated PDF."""

from highdicom import SOPClass
from highdicom.sr import CodedConcept
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from lgeqa.dicom_results.identity import RESEARCH, Identity
from lgeqa.dicom_results.source_series import SourceSeries
from lgeqa.records import ScanResult
from lgeqa.reporting.pictures import ScanPictures
from lgeqa.reporting.scan_sheet import draw_sheet


def make_pdf(result: ScanResult, pictures: ScanPictures | None, series: SourceSeries, identity: Identity) -> SOPClass:
    """Return the page about a scan, which shows neither the patient nor the day of the scan.

    Args:
        result: Record of the scan.
        pictures: Pictures of the scan. None if there are none.
        series: Images of the scan.
        identity: Identity of the objects of the scan.
    """
    first, page = series.images[0], draw_sheet(result, pictures, named=False)
    document = SOPClass(
        first.StudyInstanceUID,
        sop_class_uid=EncapsulatedPDFStorage,
        modality="DOC",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **identity.attributes("pdf"),
    )
    document.copy_patient_and_study_information(first)
    document.ConversionType = "WSD"
    document.AcquisitionDateTime = None
    document.BurnedInAnnotation = "NO"
    document.SourceInstanceSequence = [_reference(image) for image in series.images]
    document.DocumentTitle = f"Quality of a left-atrial LGE-MRI scan; {RESEARCH}"
    document.ConceptNameCodeSequence = [CodedConcept.from_code(codes.DCM.ImagingMeasurementReport)]
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocumentLength = len(page)
    document.EncapsulatedDocument = page + b"\0" * (len(page) % 2)
    return document


def _reference(image: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return reference
