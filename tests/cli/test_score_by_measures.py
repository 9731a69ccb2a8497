"""`lgeqa score-by-measures`: rows of the measured reader in a table of scores."""

from pathlib import Path

import pytest

from lgeqa.cohort import Case, read_cohort, source_of
from lgeqa.errors import CohortError
from lgeqa.io import Source, discover
from lgeqa.io.volume_writer import write_nrrd
from lgeqa.measures import Heart, compute_measures, measured_reader
from lgeqa.scales import SCALE_NAMES
from lgeqa.workflows.score_table import open_table
from tests.factories.command import lgeqa, lgeqa_apart
from tests.factories.heart import SPACING_MM, GeometricHeart, atrium, scan_of
from tests.images import volume, write_dicom_series
from tests.toy import toy_bundle, toy_mask, toy_scan

HEADER = "scan,patient,image,mask,reader,myocardium_nulling,sharpness,enhancement,quality"
GOOD = GeometricHeart(wall=130, aortic_wall=120, septum=120, muscle=15, noise=8, blur_mm=1.1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, a scan whose measures are all defined, one without an aorta, and a file that is not a scan."""
    folder = tmp_path_factory.mktemp("score")
    toy_bundle(folder / "bundle")
    scan = scan_of(GOOD.voxels())
    for name, voxels in (("data", scan.voxels), ("shrinkwrap", atrium().astype("uint8"))):
        (folder / "in" / "good").mkdir(parents=True, exist_ok=True)
        write_nrrd(folder / "in" / "good" / f"{name}.nrrd", voxels, scan.grid)
    toy_scan(folder / "in" / "toy" / "data.nrrd")
    toy_mask(folder / "in" / "toy" / "shrinkwrap.nrrd")
    (folder / "in" / "void.nrrd").touch()
    return folder


def read(table: Path) -> dict[str, Case]:
    return {case.scan_id: case for case in read_cohort(table)}


def test_a_table_is_written_that_a_cohort_reads(place: Path) -> None:
    table = place / "in" / "scores.csv"

    done = lgeqa_apart("score-by-measures", place / "in", "-o", table, "--bundle", place / "bundle", "--given-masks")

    assert done.returncode == 3
    lines = done.stdout.splitlines()
    assert sum("void: failed. " in line for line in lines[:3]) == 1
    assert lines[3].startswith("1 of 3 scans scored, 1 of them diagnostic")
    assert "not clinical ones" in lines[4]
    assert lines[5] == f"Table: {table}; a scan that is new in it counts as a patient of its own"
    [why] = done.stderr.splitlines()
    assert why.startswith(
        "toy: not scored. Undefined and needed for enhancement: aortic_wall_contrast: The descending aorta was not "
        "found, or is too small to measure in. septal_contrast: No other blood pool was found beside the atrium."
    )

    cases = read(table)
    values = compute_measures(scan_of(GOOD.voxels()), Heart(GOOD.voxels(), atrium(), SPACING_MM)).values
    expected = list(measured_reader().scores(values).values())
    assert cases["good"].scores["measured"] == pytest.approx(expected, abs=0.01)
    assert (cases["good"].patient, cases["good"].mask) == ("good", place / "in" / "good" / "shrinkwrap.nrrd")
    assert cases["toy"].scores == {}
    rows = [line.split(",") for line in table.read_text(encoding="utf-8").splitlines()]
    assert rows[1][:5] == ["good", "good", "good/data.nrrd", "good/shrinkwrap.nrrd", "measured"]
    assert rows[2] == ["toy", "toy", "toy/data.nrrd", "toy/shrinkwrap.nrrd", "measured", "", "", "", ""]


def test_rows_of_other_readers_are_kept(place: Path, tmp_path: Path) -> None:
    """The scan keeps the name and patient that the table gives it; an earlier measured row is replaced."""
    table, image = tmp_path / "scores.csv", place / "in" / "good" / "data.nrrd"
    kept = [f"g1,pat,{image},,ann,2,2.5,3,4,why", "other,pat,other.nrrd,,measured,1,1,1,1,"]
    old = f"g1,pat,{image},,measured,1,1,1,1,"
    table.write_text("\n".join([f"{HEADER},note", kept[0], old, kept[1]]) + "\n", encoding="utf-8")

    done = lgeqa("score-by-measures", image, "-o", table, "--bundle", place / "bundle", "--given-masks", "--quiet")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lines = table.read_text(encoding="utf-8").splitlines()
    assert lines[:3] == [f"{HEADER},note", *kept]
    assert len(lines) == 4
    scores = read(table)["g1"].scores
    assert list(scores["ann"]) == [2, 2.5, 3, 4]
    assert scores["measured"][SCALE_NAMES.index("quality")] > 3


def test_without_given_masks_the_atrium_is_detected(place: Path, tmp_path: Path) -> None:
    scan = toy_scan(tmp_path / "bare.nrrd")
    done = lgeqa("score-by-measures", scan, "-o", tmp_path / "new" / "s.csv", "--bundle", place / "bundle")
    assert done.returncode == 3
    assert "aortic_wall_contrast" in done.stderr
    assert (tmp_path / "new" / "s.csv").read_text(encoding="utf-8").splitlines() == [
        HEADER,
        f"bare,bare,{scan},,measured,,,,",
    ]


def test_nothing_is_written_if_no_scan_can_be_measured(place: Path, tmp_path: Path) -> None:
    toy_scan(tmp_path / "bare.nrrd")
    table = tmp_path / "scores.csv"
    done = lgeqa("score-by-measures", tmp_path, "-o", table, "--bundle", place / "bundle", "--given-masks", "-q")
    assert done.returncode == 3
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["bare"]
    assert not table.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("score-by-measures", "x.nrrd"), "Missing"),
        (("score-by-measures", "x.nrrd", "-o", "scores.parquet"), "scores.parquet: is not CSV by its name"),
        (("score-by-measures", "x.nrrd", "-o", "bad.csv"), "bad.csv: lacks the column(s) scan"),
        (("score-by-measures", "x.nrrd", "-o", "taken.csv"), "taken.csv: has a scan 'x' already"),
    ],
)
def test_wrong_use_is_2(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "taken.csv").write_text(f"{HEADER}\nx,p,else/x.nrrd,,ann,1,1,1,1\n", encoding="utf-8")
    toy_scan(tmp_path / "x.nrrd")
    before = sorted(tmp_path.iterdir())
    done = lgeqa(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert sorted(path for path in tmp_path.iterdir() if path.name != ".ses") == before


def test_series_are_named_in_the_table(tmp_path: Path) -> None:
    """Two DICOM series in one folder and a volume in a table without the column `series`."""
    for seed in (1, 2):
        write_dicom_series(tmp_path / "both", volume(seed=seed), name=f"{seed}-{{}}".format)
    table = tmp_path / "scores.csv"
    table.write_text(f"{HEADER}\ng1,pat,a/data.nrrd,,ann,1,1,1,1\n", encoding="utf-8")
    sources = discover([tmp_path / "both"])
    for score in "23":  # the second time the rows are found again and replaced
        scans = open_table(table).scans_of(sources)
        open_table(table).measured([(scans[source.scan_id], [score] * 4) for source in sources]).write()

    cases = read(table)

    assert list(cases) == sorted([*(source.scan_id for source in sources), "g1"])
    assert cases.pop("g1").scores == {"ann": (1, 1, 1, 1)}
    assert [case.scores for case in cases.values()] == [{"measured": (3, 3, 3, 3)}] * 2
    assert [source_of(cases[source.scan_id]).files for source in sources] == [source.files for source in sources]


def test_names_are_those_of_the_table(tmp_path: Path) -> None:
    table = tmp_path / "scores.csv"
    table.write_text(f"{HEADER}\ng1,pat,a/data.nrrd,,ann,1,1,1,1\n", encoding="utf-8")
    [source, new] = [Source(name, "volume", tmp_path / name / "data.nrrd") for name in ("a", "b")]

    scans = open_table(table).scans_of([source, new])

    assert scans["a"] == {"scan": "g1", "patient": "pat", "image": "a/data.nrrd", "mask": "", "series": ""}
    assert scans["b"] == {"scan": "b", "patient": "b", "image": "b/data.nrrd", "mask": "", "series": ""}
    with pytest.raises(CohortError, match=r"has a scan 'g1' already, whose image is a/data\.nrrd and not"):
        open_table(table).scans_of([Source("g1", "volume", tmp_path / "g1.nrrd")])
