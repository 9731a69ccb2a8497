"""The structured report against its template and against the record of the scan."""

from collections.abc import Iterator

import pytest
from highdicom.sr import CodedConcept, MeasurementReport, srread
from pydicom import Dataset
from pydicom.sr.codedict import codes

from lgeqa.dicom_results.codes import SCHEME, measure_code, measure_unit
from lgeqa.measures import MEASURES
from lgeqa.measures.catalogue import Measure
from lgeqa.scales import SCALE_NAMES
from tests.dicom_results.conftest import Write, Written

#: Value types and relationships that TID 1500 and the templates it includes allow below each container, by name.
_MEASUREMENT_GROUP = {
    ("TEXT", "HAS OBS CONTEXT"),
    ("UIDREF", "HAS OBS CONTEXT"),
    ("CODE", "CONTAINS"),
    ("CODE", "HAS CONCEPT MOD"),
    ("TEXT", "HAS CONCEPT MOD"),
    ("NUM", "CONTAINS"),
    ("TEXT", "CONTAINS"),
    ("IMAGE", "CONTAINS"),
    ("UIDREF", "CONTAINS"),
}
TEMPLATE = {
    "Imaging Measurement Report": {
        ("CODE", "HAS CONCEPT MOD"),
        ("CODE", "HAS OBS CONTEXT"),
        ("UIDREF", "HAS OBS CONTEXT"),
        ("TEXT", "HAS OBS CONTEXT"),
        ("CONTAINER", "CONTAINS"),
    },
    "Image Library": {("CONTAINER", "CONTAINS")},
    "Image Library Group": {("IMAGE", "CONTAINS")},
    "Imaging Measurements": {("CONTAINER", "CONTAINS")},
    "Measurement Group": _MEASUREMENT_GROUP,
}


def name_of(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


def containers(item: Dataset) -> Iterator[Dataset]:
    yield item
    for child in item.get("ContentSequence", ()):
        if child.ValueType == "CONTAINER":
            yield from containers(child)


def groups(report: Dataset) -> dict[str, Dataset]:
    """Return the measurement groups by their tracking identifier."""
    found = {}
    for group in containers(report):
        if name_of(group) == "Measurement Group":
            [name] = [item.TextValue for item in group.ContentSequence if name_of(item) == "Tracking Identifier"]
            found[name] = group
    return found


def numbers(group: Dataset) -> dict[tuple[str, str], tuple[float, str]]:
    """Return value and UCUM unit of each measurement by scheme and code."""
    result = {}
    for item in group.ContentSequence:
        if item.ValueType == "NUM":
            concept = CodedConcept.from_dataset(item.ConceptNameCodeSequence[0])
            [measured] = item.MeasuredValueSequence
            [unit] = measured.MeasurementUnitsCodeSequence
            assert unit.CodingSchemeDesignator == "UCUM"
            result[concept.scheme_designator, concept.value] = (
                float(measured.get("FloatingPointValue", measured.NumericValue)),
                unit.CodeValue,
            )
    return result


def evaluations(group: Dataset) -> dict[str, tuple[str, str]]:
    """Return scheme and code of each coded evaluation by the name of its concept."""
    return {
        name_of(item): (item.ConceptCodeSequence[0].CodingSchemeDesignator, item.ConceptCodeSequence[0].CodeValue)
        for item in group.ContentSequence
        if item.ValueType == "CODE" and item.RelationshipType == "CONTAINS"
    }


def texts(group: Dataset) -> list[str]:
    return [
        item.TextValue
        for item in group.ContentSequence
        if (item.ValueType, item.RelationshipType) == ("TEXT", "CONTAINS")
    ]


def images_of(group: Dataset) -> list[str]:
    return [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in group.ContentSequence
        if item.ValueType == "IMAGE"
    ]


def test_structure_follows_tid_1500(written: Written) -> None:
    report = written.read("sr")
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert report.ContentTemplateSequence[0].MappingResource == "DCMR"
    found = {name_of(container) for container in containers(report)}
    assert found == set(TEMPLATE)
    for container in containers(report):
        children = {(child.ValueType, child.RelationshipType) for child in container.ContentSequence}
        assert children <= TEMPLATE[name_of(container)], name_of(container)
    order = [name_of(child) for child in report.ContentSequence]
    assert order[0] == "Language of Content Item and Descendants"
    assert order[-3:] == ["Procedure reported", "Image Library", "Imaging Measurements"]


def test_every_group_has_identifier_uid_and_algorithm(written: Written) -> None:
    for group in groups(written.read("sr")).values():
        names = [name_of(item) for item in group.ContentSequence]
        assert names.count("Tracking Identifier") == names.count("Tracking Unique Identifier") == 1
        assert names.count("Algorithm Name") == names.count("Algorithm Version") == 1


def test_algorithm_names_version_and_bundle_hash(written: Written) -> None:
    result = written.assessment.result
    group = groups(written.read("sr"))["Scan"]
    facts = [(name_of(item), item.TextValue) for item in group.ContentSequence if "Algorithm" in name_of(item)]
    assert ("Algorithm Name", "lgeqa") in facts
    assert ("Algorithm Version", result.versions["lgeqa"]) in facts
    assert result.bundle is not None
    assert ("Algorithm Parameters", f"bundle_sha256={result.bundle.sha256}") in facts


def test_image_library_holds_every_source_image(written: Written) -> None:
    [library] = [part for part in containers(written.read("sr")) if name_of(part) == "Image Library Group"]
    assert sorted(images_of(library)) == sorted(image.SOPInstanceUID for image in written.images)


def test_measures_equal_the_record(written: Written) -> None:
    result, parts = written.assessment.result, groups(written.read("sr"))
    assert result.measures is not None
    stored = numbers(parts["Scan"]) | numbers(parts["Left atrium"])
    for name, value in result.measures.values.items():
        code = measure_code(name)
        key = (code.scheme_designator, code.value)
        if value is None:
            assert key not in stored
        else:
            number, unit = stored[key]
            assert number == pytest.approx(value, rel=1e-9)
            assert unit == measure_unit(name).value
    undefined = [text for text in texts(parts["Scan"]) if "undefined" in text]
    assert len(undefined) == len(result.measures.reasons) > 0


def test_probabilities_and_votes_equal_the_record(written: Written) -> None:
    result, stored = written.assessment.result, numbers(groups(written.read("sr"))["Scan"])
    for name in (*(f"p_{scale}" for scale in SCALE_NAMES), "votes_diagnostic", "votes_total"):
        number, unit = stored[SCHEME, name]
        assert number == pytest.approx(getattr(result, name), rel=1e-9)
        assert unit == "1"


def test_verdict_and_decision_are_coded_and_reasons_are_text(written: Written) -> None:
    result, group = written.assessment.result, groups(written.read("sr"))["Scan"]
    assert (result.verdict, result.decision) == ("non-diagnostic", "review")
    coded = evaluations(group)
    assert coded["Image Quality"] == ("RADLEX", codes.cid7036.NonDiagnosticQuality.value)
    assert coded["Decision on the scan"] == (SCHEME, "review")
    assert set(result.reasons) <= set(texts(group))
    assert "RESEARCH, not for diagnostic use" in texts(group)


def test_each_slice_refers_to_its_image(written: Written) -> None:
    result, parts = written.assessment.result, groups(written.read("sr"))
    heights = {image.SOPInstanceUID: float(image.ImagePositionPatient[2]) for image in written.images}
    assert len(result.slices) == 20
    for scored in result.slices:
        group = parts[f"Slice {scored.index}"]
        [image] = images_of(group)
        assert heights[image] == pytest.approx(scored.position_mm)
        assert numbers(group)[SCHEME, "p_quality"][0] == pytest.approx(scored.p_quality, rel=1e-9)


@pytest.mark.slow
def test_images_that_are_not_axial_are_not_referred_to_as_slices(write: Write) -> None:
    written = write(axes="SLP")
    parts = groups(written.read("sr"))
    assert images_of(parts["Slice 5"]) == []
    assert numbers(parts["Slice 5"])


def test_atrium_group_refers_to_the_segment(written: Written) -> None:
    group = groups(written.read("sr"))["Left atrium"]
    [reference] = [item.ReferencedSOPSequence[0] for item in group.ContentSequence if item.ValueType == "IMAGE"]
    assert reference.ReferencedSOPInstanceUID == written.read("seg").SOPInstanceUID
    assert reference.ReferencedSegmentNumber == 1
    assert numbers(group)["SCT", codes.SCT.Volume.value][1] == "mL"


def test_highdicom_reads_the_report_back(written: Written) -> None:
    report = srread(written.folder / "sr.dcm").content
    assert isinstance(report, MeasurementReport)
    assert len(report.get_image_measurement_groups()) == 1 + len(written.assessment.result.slices)
    [atrium] = report.get_volumetric_roi_measurement_groups()
    [volume] = atrium.get_measurements(codes.SCT.Volume)
    assert written.assessment.result.measures is not None
    assert volume.value == pytest.approx(written.assessment.result.measures.values["atrium_volume_ml"])


def test_scan_without_atrium_gets_reports_alone(write: Write) -> None:
    written = write(atrium=False)
    assert {path.name for path in written.folder.iterdir()} == {"pdf.dcm", "sr.dcm"}
    parts = groups(written.read("sr"))
    coded = evaluations(parts["Scan"])
    assert "Image Quality" not in coded
    assert coded["Outcome of the assessment"] == (SCHEME, "not_assessable")
    assert any(written.assessment.result.findings[0].seen in text for text in texts(parts["Scan"]))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_every_measure_has_a_code_and_a_unit(measure: Measure) -> None:
    assert measure_code(measure.name).meaning
    assert measure_unit(measure.name).scheme_designator == "UCUM"
