"""Check what a wheel and a source archive hold: `python .ci/check_dist.py DIST`.

It ends with 1 and a line for each problem. Both hold every file of `src/lgeqa` that Git knows, the licence and nothing
of tests, documentation and benchmarks.
"""

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
_FOREIGN = {"tests", "docs", "benchmarks", "training", ".ci", ".github"}


def problems(wheel: Iterable[str], archive: Iterable[str], sources: Iterable[str]) -> Iterator[str]:
    """Yield what is wrong with the names in a wheel and in a source archive, one sentence each.

    Args:
        wheel: Names of the files in the wheel.
        archive: Names of the files in the source archive, below its one folder.
        sources: Names of the files that both must hold, from `src` on.
    """
    held = set(wheel)
    unpacked = {PurePosixPath(*PurePosixPath(name).parts[1:]).as_posix() for name in archive}
    for source in sources:
        if source.removeprefix("src/") not in held:
            yield f"wheel: has no {source}."
        if source not in unpacked:
            yield f"source archive: has no {source}."
    for names, title in ((held, "wheel"), (unpacked, "source archive")):
        if not any(PurePosixPath(name).name == "LICENSE" for name in names):
            yield f"{title}: has no licence."
        for name in sorted(names):
            if PurePosixPath(name).parts[:1] and PurePosixPath(name).parts[0] in _FOREIGN:
                yield f"{title}: holds {name}."


if __name__ == "__main__":
    dist = Path(sys.argv[1])
    tracked = subprocess.run(["git", "ls-files", "src/lgeqa"], cwd=ROOT, check=True, capture_output=True, text=True)
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel, tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        lines = list(problems(wheel.namelist(), archive.getnames(), tracked.stdout.split()))
    print("\n".join(lines) or "Wheel and source archive are whole.")
    sys.exit(bool(lines))
