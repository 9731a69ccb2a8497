"""What `pyproject.toml` promises: extras that are complete, pins that fit, one version everywhere."""

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from lgeqa.extras import EXTRAS

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OPTIONAL: dict[str, list[str]] = PROJECT["optional-dependencies"]
#: Rooms that are used with the extra `train` alone, and files elsewhere that are.
TRAINING = ("evaluation/", "experiment/", "training/", "cohort/table_io.py", "cohort/split.py")
#: Files of these that need an extra beside `train`.
BESIDE_TRAIN = {"track": ("training/tracking.py",), "sweep": ("training/sweep.py", "training/sweep_ranges.py")}
#: What is used with the extra `agreement`, for instance data frames, and what with `web`, which contains it.
AGREEMENT = ("agreement/", "documents/pdf", "evaluation/record.py", "records.py", "results.py", "workflows/cohorts.py")
WEB = ("database.py", "database_server.py", "migrations/", "studies/", "web/", "workflows/rating_study.py")
#: What is used with the extras `archive` and `cluster` alone, with `dicom`, and with `listen`, which contains `dicom`.
ARCHIVE = ("archive/",)
CLUSTER = ("cluster.py",)
DICOM = ("dicom_results/",)
LISTEN = ("listener/",)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required(lines: list[str]) -> set[str]:
    """The packages of requirement lines, without versions; an extra of lgeqa itself stands for its own lines."""
    names = {normal(re.split(r"[^\w.-]", line)[0]) for line in lines}
    for extra in re.findall(r"lgeqa\[(\w+)\]", " ".join(lines)):
        names |= required(OPTIONAL[extra])
    return names - {"lgeqa"}


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports, from outside of lgeqa and of Python."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"lgeqa"}


def distributions(modules: set[str]) -> set[str]:
    """The packages that bring `modules`; a module that is not installed stands for itself."""
    known = packages_distributions()
    return {normal(known.get(module, [module])[0]) for module in modules}


def within(path: Path, rooms: tuple[str, ...]) -> bool:
    return path.relative_to(ROOT / "src/lgeqa").as_posix().startswith(rooms)


def sources() -> list[Path]:
    return list((ROOT / "src").rglob("*.py"))


def test_a_plain_install_brings_what_assessing_imports() -> None:
    used = {
        name
        for path in sources()
        if not within(path, TRAINING + AGREEMENT + WEB + ARCHIVE + CLUSTER + DICOM + LISTEN)
        for name in imported(path)
    }

    assert distributions(used) <= required(PROJECT["dependencies"])


def test_the_train_extra_brings_what_training_imports() -> None:
    beside = tuple(name for files in BESIDE_TRAIN.values() for name in files)
    training = [path for path in sources() if within(path, TRAINING) and not within(path, beside)]
    used = {name for path in training for name in imported(path)} - {"pandas"}

    assert distributions(used) <= required(PROJECT["dependencies"] + OPTIONAL["train"])


@pytest.mark.parametrize("extra", BESIDE_TRAIN)
def test_extras_beside_train_bring_what_their_files_import(extra: str) -> None:
    used = {name for path in sources() if within(path, BESIDE_TRAIN[extra]) for name in imported(path)}

    assert distributions(used) <= required(PROJECT["dependencies"] + OPTIONAL[extra])


@pytest.mark.parametrize(
    ("rooms", "extra"),
    [
        (AGREEMENT, "agreement"),
        (ARCHIVE, "archive"),
        (CLUSTER, "cluster"),
        (DICOM, "dicom"),
        (LISTEN, "listen"),
        (WEB, "web"),
    ],
)
def test_the_extras_of_the_application_bring_what_it_imports(rooms: tuple[str, ...], extra: str) -> None:
    used = {name for path in sources() if within(path, rooms) for name in imported(path)}

    # Starlette is what FastAPI consists of, and its pages name it in their types.
    assert distributions(used) - {"starlette"} <= required(PROJECT["dependencies"] + OPTIONAL[extra])


def test_all_brings_every_extra_for_users() -> None:
    [everything] = OPTIONAL["all"]

    assert set(re.findall(r"\w+", everything)) - {"lgeqa"} == set(OPTIONAL) - {"all", "dev", "test"} == set(EXTRAS)


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_gateway_knows_the_packages_of_an_extra(extra: str) -> None:
    wanted = required(OPTIONAL[extra])
    if "pylibjpeg" in wanted:  # pylibjpeg[all] brings its decoders
        wanted |= {"pylibjpeg-libjpeg", "pylibjpeg-openjpeg"}

    assert distributions(set(EXTRAS[extra])) == wanted


def pins(path: Path) -> dict[str, str]:
    """Return the version of each package that a file of requirements pins, for some machines or for all."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [re.match(r"([\w.-]+)==([\w.]+)", line) for line in lines if re.match(r"\w", line)]
    assert all(found), path
    return {normal(match[1]): match[2] for match in found if match}


CONSTRAINTS = pins(ROOT / "constraints.txt")
#: Each lock, and the extras beside a plain install that it is for.
LOCKS = {"plain": [], **{extra: [extra] for extra in EXTRAS}, "all": list(EXTRAS)}
LOCKS |= {"test": [*EXTRAS, "test"], "dev": [*EXTRAS, "test", "dev"]}


def test_the_constraints_pin_every_package_that_is_named() -> None:
    named = required(PROJECT["dependencies"]) | required([line for lines in OPTIONAL.values() for line in lines])

    assert named - {"lgeqa"} <= set(CONSTRAINTS)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_everything_that_its_extras_need(lock: str) -> None:
    locked = pins(ROOT / f"locks/{lock}.txt")
    needed = required(PROJECT["dependencies"] + [line for extra in LOCKS[lock] for line in OPTIONAL[extra]])

    assert needed - set(locked) <= {"torch"}
    assert "torch" not in locked
    assert locked == locked | {name: version for name, version in CONSTRAINTS.items() if name in locked}


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_of_a_lock_has_hashes(lock: str) -> None:
    text = (ROOT / f"locks/{lock}.txt").read_text(encoding="utf-8").replace("\\\n", " ")

    assert [line for line in text.splitlines() if re.match(r"\w", line) and "--hash=sha256:" not in line] == []


def test_one_version_everywhere() -> None:
    version = PROJECT["version"]

    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_changelog_is_kept_by_release() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    bundle = json.loads((ROOT / "src/lgeqa/inference/bundle/default/bundle.json").read_text(encoding="utf-8"))[
        "version"
    ]

    headings = [release.splitlines()[0] for release in releases]
    form = re.compile(r"\[\d+\.\d+\.\d+\] - (unreleased|\d{4}-\d\d-\d\d)")
    assert [heading for heading in headings if not form.fullmatch(heading)] == []
    assert set(re.findall(r"^### (\w+)", text, re.MULTILINE)) <= {"Added", "Changed", "Removed", "Fixed", "Security"}
    assert f"\nDefault bundle: {bundle}.\n" in releases[0]
