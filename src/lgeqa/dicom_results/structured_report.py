"""Structured report by TID 1500 of PS3.16: decision, verdict, probabilities and measures of a scan."""

from collections.abc import Iterator
from typing import Final

from highdicom.seg import Segmentation
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    ReferencedSegment,
    RelationshipTypeValues,
    SourceSeriesForSegmentation,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from lgeqa.dicom_results.codes import NUMBER, SCHEME_ITEM, VERDICTS, measure_code, measure_unit, own_code
from lgeqa.dicom_results.identity import RESEARCH, Identity
from lgeqa.dicom_results.segmentation import ATRIUM_SEGMENT
from lgeqa.dicom_results.source_series import SourceSeries
from lgeqa.measures.catalogue import BY_NAME
from lgeqa.records import ScanResult, SliceScores
from lgeqa.scales import SCALES

Group = MeasurementsAndQualitativeEvaluations | VolumetricROIMeasurementsAndQualitativeEvaluations
#: Measures of the atrium itself, which belong to its segment where there is one.
_OF_ATRIUM: Final = ("atrium_volume_ml", "atrium_height_mm")
_DECISIONS: Final = {"accept": "Accept the scan", "review": "Have a person decide", "repeat": "Repeat the scan"}


def make_report(
    result: ScanResult, series: SourceSeries, identity: Identity, segmentation: Segmentation | None
) -> ComprehensiveSR:
    """Return the record of a scan as a structured report.

    Args:
        result: Record of the scan.
        series: Images of the scan.
        identity: Identity of the objects of the scan.
        segmentation: Segmentation of the atrium. None if there is none.
    """
    algorithm = _algorithm(result)
    groups: list[Group] = [_scan_group(result, identity, algorithm, segmentation is not None)]
    if segmentation is not None:
        groups.append(_atrium_group(result, series, identity, algorithm, segmentation))
    groups.extend(_slice_groups(result, series, identity, algorithm))
    content = MeasurementReport(
        ObservationContext(observer_person_context=None, observer_device_context=_observer(identity)),
        codes.SCT.CardiacMRI,
        groups,
        referenced_images=series.library_images,
    )
    return _document(content[0], [*series.images, *([] if segmentation is None else [segmentation])], identity)


def _document(content: Dataset, evidence: list[Dataset], identity: Identity) -> ComprehensiveSR:
    """Return the document with a content tree, which refers to nothing but the evidence.

    highdicom copies the tree and walks through it three times to compare its references with the evidence, which takes
    half the time of a report. So it gets the root alone, and the document the tree.
    """
    items = content.ContentSequence
    content.ContentSequence = []
    document = ComprehensiveSR(
        evidence, content, is_complete=True, coding_schemes=[SCHEME_ITEM], **identity.attributes("sr")
    )
    document.ContentSequence = items
    return document


def _observer(identity: Identity) -> ObserverContext:
    return ObserverContext(
        codes.DCM.Device,
        DeviceObserverIdentifyingAttributes(
            uid=identity.device_uid,
            name="lgeqa",
            manufacturer_name="lgeqa",
            model_name="lgeqa",
            serial_number=identity.bundle_sha256,
        ),
    )


def _algorithm(result: ScanResult) -> AlgorithmIdentification:
    bundle = result.bundle
    parameters = [f"threshold={result.threshold}"] if result.threshold is not None else []
    if bundle:
        parameters += [f"bundle={bundle.name} {bundle.version}", f"bundle_sha256={bundle.sha256}"]
    return AlgorithmIdentification("lgeqa", result.versions["lgeqa"], parameters)


def _scan_group(
    result: ScanResult, identity: Identity, algorithm: AlgorithmIdentification, has_segment: bool
) -> MeasurementsAndQualitativeEvaluations:
    group = MeasurementsAndQualitativeEvaluations(
        TrackingIdentifier(uid=identity.uid("scan"), identifier="Scan"),
        finding_type=codes.DCM.ImageQuality,
        algorithm_id=algorithm,
        finding_sites=[FindingSite(codes.SCT.LeftAtrium)],
        measurements=list(_scan_numbers(result, has_segment)),
        qualitative_evaluations=list(_evaluations(result)),
    )
    group[0].ContentSequence.extend(_texts(result))
    return group


def _scan_numbers(result: ScanResult, has_segment: bool) -> Iterator[Measurement]:
    yield from _probabilities(result)
    for name, title in (("votes_diagnostic", "Slices that vote diagnostic"), ("votes_total", "Slices that vote")):
        if (votes := getattr(result, name)) is not None:
            yield Measurement(own_code(name, title), votes, NUMBER)
    for scale in SCALES:
        if score := result.scores.get(scale.name):
            for name, value in (("", score.expected), ("_low", score.low), ("_high", score.high)):
                title = f"Estimated score of {scale.title.lower()}{name.replace('_', ', ')}"
                yield Measurement(own_code(f"score_{scale.name}{name}", title), value, NUMBER)
    values = result.measures.values if result.measures else {}
    yield from _measures({name: value for name, value in values.items() if not (has_segment and name in _OF_ATRIUM)})


def _evaluations(result: ScanResult) -> Iterator[QualitativeEvaluation]:
    if result.verdict:
        yield QualitativeEvaluation(codes.DCM.ImageQuality, VERDICTS[result.verdict])
    if result.decision:
        meaning = _DECISIONS[result.decision]
        yield QualitativeEvaluation(own_code("decision", "Decision on the scan"), own_code(result.decision, meaning))
    status = result.status.replace("_", " ").capitalize()
    yield QualitativeEvaluation(own_code("status", "Outcome of the assessment"), own_code(result.status, status))


def _texts(result: ScanResult) -> Iterator[TextContentItem]:
    """Yield the texts of the scan: its use, the reasons of its decision, and why measures are undefined."""
    comment = codes.DCM.Comment
    yield _text(comment, RESEARCH)
    for reason in result.reasons:
        yield _text(own_code("reasons", "Reason for the decision"), reason)
    for finding in result.findings:
        yield _text(own_code("findings", "Observation"), f"{finding.seen} {finding.remedy}")
    for warning in result.warnings:
        yield _text(comment, warning)
    for name, reason in (result.measures.reasons if result.measures else {}).items():
        yield _text(comment, f"{BY_NAME[name].title}: undefined. {reason}")


def _text(name: Code | CodedConcept, value: str) -> TextContentItem:
    return TextContentItem(name, value, RelationshipTypeValues.CONTAINS)


def _atrium_group(
    result: ScanResult,
    series: SourceSeries,
    identity: Identity,
    algorithm: AlgorithmIdentification,
    segmentation: Segmentation,
) -> VolumetricROIMeasurementsAndQualitativeEvaluations:
    values = result.measures.values if result.measures else {}
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        TrackingIdentifier(uid=identity.uid("seg", "atrium"), identifier="Left atrium"),
        referenced_segment=ReferencedSegment(
            segmentation.SOPClassUID,
            segmentation.SOPInstanceUID,
            ATRIUM_SEGMENT,
            source_series=SourceSeriesForSegmentation(series.images[0].SeriesInstanceUID),
        ),
        finding_type=codes.SCT.LeftAtrium,
        algorithm_id=algorithm,
        measurements=list(_measures({name: values.get(name) for name in _OF_ATRIUM})),
    )


def _slice_groups(
    result: ScanResult, series: SourceSeries, identity: Identity, algorithm: AlgorithmIdentification
) -> Iterator[MeasurementsAndQualitativeEvaluations]:
    """Yield a group for each slice that holds the atrium, which refers to its image."""
    scores = {scored.index: scored for scored in result.slices}
    measures = {measured.index: measured.values for measured in (result.measures.slices if result.measures else ())}
    for index in sorted({*scores, *measures}):
        numbers = [*(_probabilities(scores[index]) if index in scores else ()), *_measures(measures.get(index, {}))]
        if numbers:
            yield MeasurementsAndQualitativeEvaluations(
                TrackingIdentifier(uid=identity.uid("slice", str(index)), identifier=f"Slice {index}"),
                finding_type=codes.DCM.ImageQuality,
                algorithm_id=algorithm,
                measurements=numbers,
                source_images=series.references(index) or None,
            )


def _probabilities(scored: ScanResult | SliceScores) -> Iterator[Measurement]:
    for scale in SCALES:
        name = f"p_{scale.name}"
        if (probability := getattr(scored, name)) is not None:
            title = f"Probability of diagnostic {scale.title.lower()}"
            yield Measurement(own_code(name, title), probability, NUMBER)


def _measures(values: dict[str, float | None]) -> Iterator[Measurement]:
    for name, value in values.items():
        if value is not None:
            yield Measurement(measure_code(name), value, measure_unit(name))
