"""One scan from its files to its result: the same in every format, with the bundle in the package."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import lgeqa
from lgeqa.inference.atrium import find_atrium
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.pipeline import AssessSettings, assess_scan
from lgeqa.io import discover, read_scan
from lgeqa.measures import Heart, compute_measures, measured_reader
from lgeqa.outcomes import Severity
from lgeqa.records import Finding, FloatArray, Measures, Scan, ScanResult
from lgeqa.scales import SCALE_NAMES
from lgeqa.simulation.phantom import build_phantom, draw_phantom, render
from lgeqa.simulation.signal import Sequence
from tests.images import write_dicom_series, write_volume
from tests.results import REFUSED, REVIEW
from tests.toy import SLOPES, toy_bundle, toy_scan

SPACING_MM = (2.5, 1.25, 1.25)
FORCE = AssessSettings(force=True)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The bundle in the package."""
    return open_bundle(threads=1)


@pytest.fixture(scope="module")
def voxels() -> npt.NDArray[np.int16]:
    """A phantom with some noise."""
    rng = np.random.default_rng(11)
    signal = render(build_phantom(draw_phantom(rng, "cropped")), Sequence(inversion_time_ms=300))
    return np.hypot(*(part + rng.normal(0, 5, signal.shape) for part in (signal, 0 * signal))).astype(np.int16)


@pytest.fixture(scope="module")
def plain(voxels: npt.NDArray[np.int16], bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> ScanResult:
    path = write_volume(tmp_path_factory.mktemp("plain") / "a.nrrd", voxels, spacing_mm=SPACING_MM)
    return lgeqa.assess(path, bundle=bundle)


def same(found: ScanResult, plain: ScanResult) -> None:
    assert found.verdict == plain.verdict
    assert (found.votes_diagnostic, found.votes_total) == (plain.votes_diagnostic, plain.votes_total)
    assert found.probability == pytest.approx(plain.probability, abs=1e-3)
    assert [one.position_mm for one in found.slices] == pytest.approx([one.position_mm for one in plain.slices])


@pytest.mark.parametrize(
    ("suffix", "axes"),
    [
        pytest.param(suffix, axes, marks=() if axes == quick else pytest.mark.slow)
        for suffix, quick in ((".nrrd", "SLP"), (".nii.gz", "RAS"), (".mha", "PIR"))
        for axes in ("LPS", "RAS", "SLP", "PIR")
    ],
)
def test_formats_and_axis_orders_give_one_verdict(
    suffix: str, axes: str, voxels: npt.NDArray[np.int16], plain: ScanResult, bundle: Bundle, tmp_path: Path
) -> None:
    path = write_volume(tmp_path / f"a{suffix}", voxels, spacing_mm=SPACING_MM, axes=axes)
    same(lgeqa.assess(path, bundle=bundle), plain)


@pytest.mark.parametrize(
    "axes", [pytest.param("LPS", marks=pytest.mark.slow), "LPI", pytest.param("RAS", marks=pytest.mark.slow)]
)
def test_dicom_gives_the_same_verdict(
    axes: str, voxels: npt.NDArray[np.int16], plain: ScanResult, bundle: Bundle, tmp_path: Path
) -> None:
    write_dicom_series(tmp_path, voxels, spacing_mm=SPACING_MM, axes=axes)
    same(lgeqa.assess(tmp_path, bundle=bundle), plain)


def test_slices_are_counted_in_the_files_own_order(
    voxels: npt.NDArray[np.int16], bundle: Bundle, tmp_path: Path
) -> None:
    up = lgeqa.assess(write_volume(tmp_path / "u.nrrd", voxels, spacing_mm=SPACING_MM), bundle=bundle)
    down = lgeqa.assess(write_volume(tmp_path / "d.nrrd", voxels, spacing_mm=SPACING_MM, axes="LPI"), bundle=bundle)
    assert up.first_slice is not None
    assert [43 - one.index for one in down.slices] == [one.index for one in up.slices]
    assert (down.first_slice, down.last_slice) == (43 - (up.last_slice or 0), 43 - up.first_slice)


def test_the_record_adds_up(plain: ScanResult, bundle: Bundle) -> None:
    quality = np.array([one.p_quality for one in plain.slices])
    assert plain.n_slices == plain.votes_total == len(plain.slices)
    assert plain.votes_diagnostic == (quality >= bundle.manifest.threshold).sum()
    assert plain.probability == plain.p_quality == pytest.approx(quality.mean(), abs=1e-6)
    assert plain.p_sharpness == pytest.approx(np.mean([one.p_sharpness for one in plain.slices]), abs=1e-6)
    assert plain.bundle == bundle.stamp
    assert plain.provider == "cpu"
    assert all(one.atrium_area_mm2 > 0 for one in plain.slices)
    assert ScanResult.model_validate_json(plain.model_dump_json()) == plain


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_the_measured_reader_has_the_share_of_the_manifest(
    share: float, voxels: npt.NDArray[np.int16], bundle: Bundle, tmp_path: Path
) -> None:
    manifest = bundle.manifest.model_copy(update={"measured_share": share})
    path = write_volume(tmp_path / "a.nrrd", voxels, spacing_mm=SPACING_MM)
    result = lgeqa.assess(path, bundle=Bundle(manifest, bundle.stamp, bundle._files, threads=1))
    assert result.measures is not None
    measured = measured_reader().probabilities(result.measures.values)
    assert list(result.parts) == (list(SCALE_NAMES) if share else [])
    for name, part in result.parts.items():
        assert part.measures == measured[name]
        assert part.measures is not None
        mixed = 0.75 * part.network + 0.25 * part.measures
        assert getattr(result, f"p_{name}") == pytest.approx(mixed, abs=1e-6)
        # It is one number for the scan, so that it moves all slices alike.
        assert np.mean([getattr(one, f"p_{name}") for one in result.slices]) == pytest.approx(mixed, abs=1e-6)


def test_an_undefined_measure_leaves_its_scale_to_the_network(
    voxels: npt.NDArray[np.int16], bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_aorta(scan: Scan, heart: Heart) -> Measures:
        found = compute_measures(scan, heart)
        return found.model_copy(update={"values": found.values | {"aortic_wall_contrast": None}})

    monkeypatch.setattr("lgeqa.inference.pipeline.compute_measures", without_aorta)
    manifest = bundle.manifest.model_copy(update={"measured_share": 0.25})
    path = write_volume(tmp_path / "a.nrrd", voxels, spacing_mm=SPACING_MM)
    result = lgeqa.assess(path, bundle=Bundle(manifest, bundle.stamp, bundle._files, threads=1))
    assert result.parts["enhancement"].measures is None
    assert result.p_enhancement == pytest.approx(result.parts["enhancement"].network, abs=1e-6)
    assert result.parts["quality"].measures is not None


def test_the_scan_is_left_as_it_was(tmp_path: Path) -> None:
    bundle = open_bundle(toy_bundle(tmp_path / "toy"))
    [source] = discover([toy_scan(tmp_path / "scan.nrrd")])
    scan = read_scan(source)
    before = scan.voxels.copy()
    atrium = find_atrium(scan, bundle).mask
    given = assess_scan(scan, bundle, AssessSettings(), supplied=atrium).result
    assert given.mask_source == "supplied"
    assert given.slices == assess_scan(scan, bundle, AssessSettings()).result.slices
    np.testing.assert_array_equal(scan.voxels, before)


def test_maps_come_in_the_order_of_the_results_slices(tmp_path: Path) -> None:
    [source] = discover([toy_scan(tmp_path / "scan.nrrd")])
    scan = read_scan(source)
    bundle = open_bundle(toy_bundle(tmp_path / "explaining", maps=SLOPES))
    plain = assess_scan(scan, open_bundle(toy_bundle(tmp_path / "plain")), AssessSettings())

    found = assess_scan(scan, bundle, AssessSettings())

    assert plain.maps is None
    assert found.result.slices == plain.result.slices
    assert found.maps is not None
    assert found.maps.shape == (len(found.result.slices), 4, 4, 4)
    quality = np.array([one.p_quality for one in found.result.slices])
    assert np.ptp(quality) > 0.05
    # The toy's maps add up to the logit but for the bias of quality.
    np.testing.assert_allclose(1 / (1 + np.exp(1 - found.maps[:, 3].sum(axis=(1, 2)))), quality, atol=1e-4)


@pytest.fixture
def toy(tmp_path: Path) -> Bundle:
    return open_bundle(toy_bundle(tmp_path / "toy", maps=SLOPES))


def toy_voxels(tmp_path: Path, *, atrium: bool = True) -> Scan:
    [source] = discover([toy_scan(tmp_path / "scan.nrrd", atrium=atrium)])
    return read_scan(source)


def gate_that_says(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    monkeypatch.setattr("lgeqa.inference.pipeline.check_scan", lambda *_, **__: findings)


def test_a_sound_scan_needs_no_review(toy: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate_that_says(monkeypatch)
    result = assess_scan(toy_voxels(tmp_path), toy, AssessSettings()).result
    assert (result.status, result.review, result.forced, result.findings) == ("assessed", False, False, ())


def test_a_finding_asks_for_review(toy: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate_that_says(monkeypatch, REVIEW)
    result = assess_scan(toy_voxels(tmp_path), toy, AssessSettings()).result
    assert (result.status, result.review, result.forced, result.findings) == ("assessed", True, False, (REVIEW,))
    assert result.message == f"{REVIEW.seen} {REVIEW.remedy}"


def test_a_refused_scan_gets_no_verdict(toy: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate_that_says(monkeypatch, REFUSED, REVIEW)
    monkeypatch.setattr("lgeqa.inference.pipeline.prepare_for_quality", None)

    assessment = assess_scan(toy_voxels(tmp_path), toy, AssessSettings())

    result = assessment.result
    assert (result.status, result.verdict, result.slices, assessment.maps) == ("not_assessable", None, (), None)
    assert result.findings == (REFUSED, REVIEW)
    assert result.message == f"{REFUSED.seen} {REFUSED.remedy}"
    assert not result.review
    assert not result.forced
    assert result.reference is not None
    assert result.reference.blood > result.reference.air
    assert result.measures is not None
    assert result.measures.values["atrium_height_mm"] == 50
    assert assessment.atrium.any()


def test_a_forced_verdict_says_so(toy: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = toy_voxels(tmp_path)
    gate_that_says(monkeypatch)
    sound = assess_scan(scan, toy, FORCE).result
    gate_that_says(monkeypatch, REFUSED)
    forced = assess_scan(scan, toy, FORCE).result
    assert (sound.forced, sound.review) == (False, False)
    assert (forced.status, forced.forced, forced.review) == ("assessed", True, True)
    assert forced.findings == (REFUSED,)
    assert forced.slices == sound.slices


@pytest.mark.parametrize("settings", [AssessSettings(), FORCE])
def test_a_scan_without_an_atrium_is_refused(settings: AssessSettings, toy: Bundle, tmp_path: Path) -> None:
    assessment = assess_scan(toy_voxels(tmp_path, atrium=False), toy, settings)

    result = assessment.result
    assert (result.status, result.forced, result.reference) == ("not_assessable", False, None)
    assert [finding.severity for finding in result.findings].count("refused") >= 1
    assert result.message.startswith(result.findings[0].seen)
    assert not assessment.atrium.any()
    assert result.measures is not None
    assert (result.measures.values["slice_mm"], result.measures.values["asnr"]) == (2.5, None)


def test_measures_alone_run_no_quality_network(toy: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = toy_voxels(tmp_path)
    gate_that_says(monkeypatch, REVIEW)
    assessed = assess_scan(scan, toy, AssessSettings()).result
    monkeypatch.setattr(Bundle, "score", None)

    assessment = assess_scan(scan, toy, AssessSettings(measures_only=True))

    result = assessment.result
    assert (result.status, result.verdict, result.p_quality, result.slices) == ("measured", None, None, ())
    assert (result.review, result.forced, result.findings) == (False, False, (REVIEW,))
    assert result.measures == assessed.measures
    assert assessment.heart is not None
    assert result.seconds["measure"] > 0


def test_the_gate_sees_what_the_detector_gave(toy: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Heart, FloatArray | None]] = []

    def check(heart: Heart, probabilities: FloatArray | None) -> tuple[Finding, ...]:
        calls.append((heart, probabilities))
        return ()

    monkeypatch.setattr("lgeqa.inference.pipeline.check_scan", check)
    scan = toy_voxels(tmp_path)
    found = find_atrium(scan, toy)

    assess_scan(scan, toy, AssessSettings())
    assess_scan(scan, toy, AssessSettings(), supplied=found.mask)

    (heart, probabilities), (_, of_supplied) = calls
    np.testing.assert_array_equal(heart.whole_atrium, found.mask)
    np.testing.assert_array_equal(probabilities, found.probabilities)
    assert of_supplied is None


@pytest.mark.parametrize(("severity", "status"), [("review", "assessed"), ("refused", "not_assessable")])
def test_novelty_is_checked_after_scoring(
    severity: Severity, status: str, toy: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    novel = REVIEW.model_copy(update={"severity": severity})
    monkeypatch.setattr("lgeqa.inference.pipeline.check_novelty", lambda *_: (novel,))
    scan = toy_voxels(tmp_path)

    result, forced = (assess_scan(scan, toy, settings).result for settings in (AssessSettings(), FORCE))

    assert (result.status, result.verdict is None) == (status, status != "assessed")
    assert result.findings == forced.findings == (novel,)
    assert (forced.status, forced.forced) == ("assessed", severity == "refused")


def test_novelty_is_checked_with_the_other_findings(
    toy: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def check(*arguments: object) -> tuple[Finding, ...]:
        seen.append(arguments[2])
        return ()

    monkeypatch.setattr("lgeqa.inference.pipeline.check_scan", lambda *_: (REVIEW,))
    monkeypatch.setattr("lgeqa.inference.pipeline.check_novelty", check)

    assess_scan(toy_voxels(tmp_path), toy, AssessSettings())

    assert seen == [(REVIEW,)]


def test_a_verdict_against_the_attributes_is_for_review(
    toy: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[ScanResult] = []

    def check(result: ScanResult) -> tuple[Finding, ...]:
        calls.append(result)
        return (REVIEW,)

    monkeypatch.setattr("lgeqa.inference.decision.check_consistency", check)
    scan = toy_voxels(tmp_path)

    result = assess_scan(scan, toy, AssessSettings(threshold=0.4)).result

    [checked] = calls
    assert (checked.threshold, checked.verdict, checked.findings) == (0.4, result.verdict, ())
    assert (result.findings, result.review) == ((REVIEW,), True)
    assert result.verdict is not None


def test_a_scan_without_a_verdict_has_none_to_contradict(
    toy: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lgeqa.inference.pipeline.check_novelty", lambda *_: (REFUSED,))
    monkeypatch.setattr("lgeqa.inference.decision.check_consistency", lambda *_: (REVIEW,))
    scan = toy_voxels(tmp_path)

    result, forced = (assess_scan(scan, toy, settings).result for settings in (AssessSettings(), FORCE))

    assert result.findings == (REFUSED,)
    assert forced.findings == (REFUSED, REVIEW)


def test_a_toy_scan_passes_the_gate(toy: Bundle, tmp_path: Path) -> None:
    assert assess_scan(toy_voxels(tmp_path), toy, AssessSettings()).result.findings == ()
