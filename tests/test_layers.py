"""Who may import whom, as docs/explanation/architecture.md says, read from the source itself."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"

#: From the ground up: a room imports from its own layer and those before it.
LAYERS = (
    (
        "atomic_io",
        "bootstrap",
        "cluster",
        "config",
        "control_chart",
        "documents",
        "errors",
        "extras",
        "formatting",
        "frontend",
        "operating_point",
        "outcomes",
        "records",
        "results",
        "roc",
        "scales",
        "secret_key",
        "strategies",
        "table_text",
        "threads",
        "versions",
        "weighted_kappa",
        "workers",
    ),
    ("cohort", "io", "measures", "preprocessing", "simulation"),
    ("inference",),
    ("inference.pipeline", "inference.result"),
    ("archive", "batch", "bids", "dicom_results", "reporting"),
    ("listener", "workflows"),
    ("api",),
    ("cli", ""),
)
#: May import what is below `inference.pipeline`. Only `INTERFACES` may import them, inside a function.
TRAINING = ("evaluation", "training")
#: May import everything but `INTERFACES`, which alone import it, inside a function.
STUDY = ("experiment",)
#: From the ground up, beside `workflows`: may import what is before it here and everything below `INTERFACES`, which
#: alone import it, inside a function.
WEB = ("agreement", "migrations", "database", "database_server", "studies", "web")
INTERFACES = ("workflows", "api", "cli", "")
#: Packages that only `WEB` may import; it may import scikit-learn as well.
WEB_PACKAGES = (
    "alembic",
    "fastapi",
    "krippendorff",
    "pandas",
    "pingouin",
    "prometheus_client",
    "psycopg",
    "sqlalchemy",
    "starlette",
    "uvicorn",
)
#: Packages that only `TRAINING` may import, but for those of `COHORT`.
HEAVY = (
    "lightning",
    "matplotlib",
    "monai",
    "onnx",
    "onnxscript",
    "pyarrow",
    "pytorch_metric_learning",
    "pytorch_optimizer",
    "safetensors",
    "sklearn",
    "torch",
    "torchmetrics",
    "umap",
)
#: Packages that split cohorts and read their tables, inside a function.
COHORT = ("pyarrow", "sklearn")

ROOM_LAYER = {room: layer for layer, rooms in enumerate(LAYERS) for room in rooms}
BELOW_PIPELINE = ROOM_LAYER["inference.pipeline"]


@dataclass(frozen=True)
class Import:
    """One import of a module.

    Attributes:
        importer, imported: dotted names.
        runs_first: it runs when the importer is imported, so it stands in no function and no `TYPE_CHECKING` block.
    """

    importer: str
    imported: str
    runs_first: bool

    def __str__(self) -> str:
        return f"{self.importer} imports {self.imported}"


def room(module: str) -> str:
    """Return `io` for `lgeqa.io.dicom`, `inference.pipeline` for `lgeqa.inference.pipeline`, "" for `lgeqa` itself."""
    _, *parts = module.split(".")
    within = ".".join(parts[:2])
    return within if within in ROOM_LAYER else "".join(parts[:1])


def modules(source: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(source: Path) -> list[Import]:
    known = modules(source)
    return [
        Import(importer, imported, runs_first)
        for importer, path in known.items()
        for node, runs_first in walk(ast.parse(path.read_text(encoding="utf-8")))
        for imported in targets(node, known)
    ]


def walk(node: ast.AST, runs_first: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """Every node below `node`, and whether it runs when the module is imported."""
    for child in ast.iter_child_nodes(node):
        waits = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        )
        yield child, runs_first
        yield from walk(child, runs_first and not waits)


def targets(node: ast.AST, known: dict[str, Path]) -> Iterator[str]:
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"relative import of {node.module}: write it in full"
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield whole if whole in known else str(node.module)


def violations(source: Path) -> list[str]:
    """Every import that goes up, sideways into training, or brings training's packages elsewhere."""
    found = []
    for one in imports(source):
        importer, trains, studies = room(one.importer), room(one.importer) in TRAINING, room(one.importer) in STUDY
        serves = importer in WEB
        if (package := one.imported.split(".")[0]) in HEAVY:
            inside = package in COHORT and importer == "cohort" and not one.runs_first
            allowed = trains or studies or inside or (serves and package == "sklearn")
        elif package in WEB_PACKAGES:
            # Results become data frames, and a study is read, inside the functions that do so.
            later = ("pandas",) + (("sqlalchemy",) if importer == "workflows" else ())
            allowed = serves or (package in later and not one.runs_first)
        elif not one.imported.startswith("lgeqa"):
            continue
        elif room(one.imported) in STUDY:
            allowed = studies or (importer in INTERFACES and not one.runs_first)
        elif (imported := room(one.imported)) in WEB:
            below = serves and WEB.index(imported) <= WEB.index(importer)
            allowed = below or (importer in INTERFACES and not one.runs_first)
        elif serves:
            allowed = imported in ROOM_LAYER and imported not in INTERFACES
        elif studies:
            allowed = room(one.imported) not in INTERFACES
        elif room(one.imported) in TRAINING:
            allowed = trains or (importer in INTERFACES and not one.runs_first)
        elif trains:
            allowed = ROOM_LAYER[room(one.imported)] < BELOW_PIPELINE
        else:
            allowed = ROOM_LAYER[room(one.imported)] <= ROOM_LAYER[importer]
        if not allowed:
            found.append(str(one))
    return found


def cycle(source: Path) -> list[str]:
    """The modules of one import cycle; empty if there is none. Imports within functions count."""
    known = modules(source)
    graph: dict[str, set[str]] = {name: set() for name in known}
    for one in imports(source):
        if one.imported in known and one.imported != one.importer:
            graph[one.importer].add(one.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as fault:
        return list(fault.args[1])
    return []


def test_every_room_has_a_layer() -> None:
    assert {room(name) for name in modules(SOURCE)} == {*ROOM_LAYER, *TRAINING, *STUDY, *WEB}


def test_nothing_imports_upwards() -> None:
    assert violations(SOURCE) == []


def test_no_import_cycle() -> None:
    assert cycle(SOURCE) == []


@pytest.mark.parametrize(
    ("path", "line", "told"),
    [
        (
            "io/planted.py",
            "from lgeqa.inference.pipeline import assess_scan",
            "lgeqa.io.planted imports lgeqa.inference.pipeline",
        ),
        ("inference/pipeline.py", "import torch.nn", "lgeqa.inference.pipeline imports torch.nn"),
        (
            "inference/vote.py",
            "def f():\n    from lgeqa.training.loop import fit",
            "lgeqa.inference.vote imports lgeqa.training.loop",
        ),
        (
            "cli/train.py",
            "from lgeqa.training.networks import Detector",
            "lgeqa.cli.train imports lgeqa.training.networks",
        ),
        ("training/loop.py", "from lgeqa.reporting import render", "lgeqa.training.loop imports lgeqa.reporting"),
        (
            "training/loop.py",
            "def f():\n    from lgeqa.experiment.plan import Plan",
            "lgeqa.training.loop imports lgeqa.experiment.plan",
        ),
        ("reporting/page.py", "import sqlalchemy", "lgeqa.reporting.page imports sqlalchemy"),
        (
            "inference/pipeline.py",
            "def f():\n    from lgeqa.web.app import create_app",
            "lgeqa.inference.pipeline imports lgeqa.web.app",
        ),
        ("studies/study.py", "from lgeqa.web.app import create_app", "lgeqa.studies.study imports lgeqa.web.app"),
        ("cohort/split.py", "import sklearn", "lgeqa.cohort.split imports sklearn"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, path: str, line: str, told: str) -> None:
    planted = tmp_path / "lgeqa" / path
    for file in ("lgeqa/training/loop.py", "lgeqa/training/networks/__init__.py", "lgeqa/web/app.py", f"lgeqa/{path}"):
        made = tmp_path / file
        made.parent.mkdir(parents=True, exist_ok=True)
        made.touch()
    planted.write_text(line)

    assert violations(tmp_path) == [told]


def test_a_planted_cycle_is_found(tmp_path: Path) -> None:
    package = tmp_path / "lgeqa"
    package.mkdir()
    (package / "config.py").write_text("from lgeqa import errors")
    (package / "errors.py").write_text("import lgeqa.config")

    assert set(cycle(tmp_path)) == {"lgeqa.config", "lgeqa.errors"}


def test_assessing_loads_no_package_of_training() -> None:
    """As the source says, so it is when the programme runs."""
    rooms = [name for name in modules(SOURCE) if room(name) not in TRAINING + STUDY + WEB]
    script = f"import sys, importlib\nfor name in {rooms}: importlib.import_module(name)\nprint(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert "lgeqa.inference.pipeline" in loaded
    assert {name.split(".")[0] for name in loaded} & {*HEAVY, *WEB_PACKAGES} == set()
