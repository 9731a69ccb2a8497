"""`lgeqa demo`: assess a scan that the command simulates."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lgeqa.threads import ONE_THREAD

#: Seed of the simulated person.
_SEED = 7
#: Standard deviation of the noise, where blood is about 100.
_NOISE = 4.0


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the scan and the results.")
    ] = Path("lgeqa-demo"),
) -> None:
    """Make a small simulated scan, assess it with the model in the package, and say where the report is."""
    os.environ.update(ONE_THREAD)
    from lgeqa.atomic_io import write_through
    from lgeqa.batch import OutputFolder
    from lgeqa.cli.console import conclude, exit_code
    from lgeqa.cli.progress import RunConsole
    from lgeqa.inference.pipeline import AssessSettings
    from lgeqa.workflows.assessment import AssessmentRequest, assess_scans

    scan = out / "phantom.nrrd"
    OutputFolder(out)
    write_through(scan, _write_phantom)
    typer.echo(f"Simulated scan: {scan}")
    with RunConsole(quiet=False, conclude=conclude) as console:
        run = assess_scans(AssessmentRequest([scan], AssessSettings(), out), console.follow, console.step)
    conclude(run)
    raise typer.Exit(exit_code(run.items))


def _write_phantom(path: Path) -> None:
    """Write a small field of view around the heart, with nulled myocardium and little noise."""
    import numpy as np

    from lgeqa.io.volume_writer import write_nrrd
    from lgeqa.records import Grid
    from lgeqa.simulation.phantom import build_phantom, draw_phantom, render
    from lgeqa.simulation.signal import Sequence, null_time
    from lgeqa.simulation.tissue import PROPERTIES, Tissue

    rng = np.random.default_rng(_SEED)
    phantom = build_phantom(draw_phantom(rng, "cropped", slices=32))
    null_ms = null_time(PROPERTIES[Tissue.MYOCARDIUM].t1_ms, repetition_ms=1000.0)
    signal = render(phantom, Sequence(inversion_time_ms=null_ms))
    real, imaginary = rng.normal(0, _NOISE, (2, *signal.shape))
    voxels = np.hypot(signal + real, imaginary).astype(np.float32)
    slices, rows, columns = voxels.shape
    grid = Grid((columns, rows, slices), phantom.spacing_mm[::-1], (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    write_nrrd(path, voxels, grid)
