"""`lgeqa export-monai`: a bundle for programs of the MONAI family."""

from pathlib import Path
from typing import Annotated

import typer


def export_monai(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder of the MONAI bundle, empty or new.")],
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Trained model to export instead of the one in the package.")
    ] = None,
) -> None:
    """Write a trained model as a MONAI bundle, which MONAI's own command line verifies and runs.

    It holds both networks as they are, metadata, a workflow that assesses scans, and a README. Needs no PyTorch.
    """
    from lgeqa.workflows.monai_bundle import export_monai_bundle

    export_monai_bundle(bundle, out)
    typer.echo(f"MONAI bundle: {out} (how to run it is in {out / 'docs' / 'README.md'})")
