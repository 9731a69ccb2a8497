"""The public functions and classes, on toy data."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import lgeqa
from lgeqa.errors import UsageError
from lgeqa.results import CSV_COLUMNS
from tests.cli.test_evaluate import toy_cohort
from tests.toy import toy_bundle, toy_scan
from tests.web.rating import make_scene, rating


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_bundle(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    toy_scan(folder / "bright.nrrd", 1)
    toy_scan(folder / "dark.nrrd", 2, atrium=False)
    (folder / "cut.nrrd").write_bytes((folder / "bright.nrrd").read_bytes()[:400])
    return folder


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_cohort(tmp_path_factory.mktemp("cohort"))


def test_every_public_name_is_found_and_documented() -> None:
    assert set(lgeqa.__all__) == {*lgeqa._MODULES, "__version__"}
    assert all(getattr(lgeqa, name).__doc__ for name in lgeqa.__all__)
    assert dir(lgeqa) == sorted(lgeqa.__all__)
    with pytest.raises(AttributeError, match="no attribute 'assess_all'"):
        lgeqa.assess_all  # noqa: B018


def test_importing_the_package_imports_no_library() -> None:
    script = "import sys, lgeqa; print(len({'numpy', 'pydantic', 'onnxruntime'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def test_assess_many_returns_and_writes_what_the_command_does(bundle: Path, scans: Path, tmp_path: Path) -> None:
    results = lgeqa.assess_many(scans, bundle=bundle, out=tmp_path / "out", jobs=1)
    assert repr(results) == "Results(3 scans: 1 non-diagnostic, 1 failed, 1 not_assessable)"
    frame = results.to_frame()
    assert list(frame.columns) == list(CSV_COLUMNS)
    table = pd.read_csv(tmp_path / "out" / "results.csv")
    assert list(frame["scan_id"]) == list(table["scan_id"]) == ["bright", "cut", "dark"]
    assert (tmp_path / "out" / "report.html").is_file()
    assert results.measures_frame().set_index("scan_id").loc["bright", "margin_below_mm"] > 0
    assert "<td>cut</td>" in results._repr_html_()
    assert [record["status"] for record in results[:2].to_dict()] == ["assessed", "failed"]


def test_assess_each_yields_what_assess_many_returns(bundle: Path, scans: Path) -> None:
    each = {result.scan_id: result.status for result in lgeqa.assess_each(scans, bundle=bundle, jobs=1)}
    assert each == {"bright": "assessed", "cut": "failed", "dark": "not_assessable"}


def test_one_result_shows_itself(bundle: Path, scans: Path) -> None:
    result = lgeqa.assess(scans / "bright.nrrd", bundle=bundle)
    assert repr(result).startswith("ScanResult('bright': non-diagnostic, review, probability ")
    assert "<th>p_sharpness</th>" in result._repr_html_()
    assert len(result.to_frame()) == result.n_slices
    assert result.to_dict()["scan_id"] == "bright"
    assert repr(lgeqa.assess(scans / "dark.nrrd", bundle=bundle)) == "ScanResult('dark': not_assessable)"


def test_measures_of_one_scan_and_of_many(bundle: Path, scans: Path) -> None:
    result = lgeqa.measure(scans / "bright.nrrd", bundle=bundle)
    assert (result.status, result.verdict) == ("measured", None)
    many = lgeqa.measure_many([scans / "bright.nrrd"], bundle=bundle, jobs=1)
    assert many[0].measures == result.measures


def test_assess_names_the_function_for_several_scans(bundle: Path, scans: Path) -> None:
    with pytest.raises(UsageError, match=r"holds 3 scans.*lgeqa\.assess_many"):
        lgeqa.assess(scans, bundle=bundle)


def test_a_script_without_a_main_guard_can_assess(bundle: Path, scans: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import lgeqa\nprint(lgeqa.assess_many({str(scans)!r}, bundle={str(bundle)!r}, jobs=2))\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (done.stdout.count("Results(3 scans"), done.stderr) == (1, "")


def test_evaluation_of_a_cohort(bundle: Path, cohort: Path) -> None:
    evaluation = lgeqa.evaluate(cohort, bundle=bundle, draws=100, jobs=1)
    assert evaluation.n_scans == 6
    frame = evaluation.to_frame()
    assert set(frame["over"]) == {"scans", "slices"}
    assert "auroc" in set(frame["measure"])
    assert evaluation.to_dict()["n_scans"] == 6
    assert repr(evaluation).startswith("Evaluation(toy")
    assert "<td>auroc</td>" in evaluation._repr_html_()


def test_agreement_of_the_readers_of_a_cohort(cohort: Path, tmp_path: Path) -> None:
    agreement = lgeqa.measure_agreement(cohort=cohort, draws=100, out=tmp_path)
    assert (tmp_path / "agreement.md").is_file()
    assert set(agreement.to_frame()["scale"]) >= {"sharpness", "quality"}
    assert repr(agreement).startswith("Agreement(1 readers")
    assert "<td>alpha</td>" in agreement._repr_html_()
    with pytest.raises(UsageError, match="Give one of them"):
        lgeqa.measure_agreement()


def test_cohort(cohort: Path) -> None:
    read = lgeqa.Cohort(cohort)
    assert len(read) == 8
    assert read.readers == {"truth": 7, "reader-1": 7}
    frame = read.to_frame()
    assert frame.loc[frame["reader"] == "truth", "quality"].notna().all()
    assert frame.loc[frame["scan"] == "bare", "reader"].isna().all()
    assert read.check().scans == 8
    assert f"Cohort({str(cohort)!r}: 8 scans of 6 patients, 2 readers)" == repr(read)


def test_imported_table_is_a_cohort(scans: Path, tmp_path: Path) -> None:
    names = [path.name.split(".")[0] for path in sorted(scans.iterdir())]
    lines = [f"{name};{score}" for name, score in zip(names, ("2,5", "4"), strict=False)]
    (tmp_path / "ratings.csv").write_text("\n".join(["ID;LGE", *lines]) + "\n")
    columns = {"scan": "ID", "quality": "LGE"}
    made = lgeqa.import_cohort(tmp_path / "ratings.csv", scans, tmp_path / "cohort", columns=columns, reader="ann")
    assert made.readers == {"ann": len(lines)}
    assert [case.scores["ann"][3] for case in made.cases] == [2.5, 4][: len(lines)]


def test_simulated_cohort_is_returned(tmp_path: Path) -> None:
    cohort = lgeqa.simulate(tmp_path / "made", n=1, artefacts="none")
    assert len(cohort) == 1
    assert cohort.cases[0].mask is not None


def test_an_unknown_strategy_is_named(cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'magic' is not a strategy of stage 2. Choose one of baseline"):
        lgeqa.train("magic", cohort, tmp_path / "run")


def test_rating_study(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, share=0)
    number = scene.ada.get("/api/reading").json()["readings"][0]["number"]
    assert scene.ada.post(f"/api/reading/{number}/ratings", rating()).status_code == 200
    study = lgeqa.Study(tmp_path / "home", "Pilot")
    assert study.progress() == {"Ada": (1, 3), "Bo": (0, 3)}
    assert repr(study) == "Study('Pilot': Ada 1 of 3, Bo 0 of 3)"
    assert list(study.to_frame()["reader"]) == ["Ada"]
    study.save_scores(tmp_path / "scores.csv")
    assert len(lgeqa.Cohort(tmp_path / "scores.csv")) == 3
    with pytest.raises(UsageError, match="closed"):
        study.agreement()
    with pytest.raises(UsageError, match=r"has no study of the name 'Pilots'. It has Pilot."):
        lgeqa.Study(tmp_path / "home", "Pilots")
    with pytest.raises(UsageError, match="is not there"):
        lgeqa.Study(tmp_path, "Pilot")
