"""`lgeqa merge`: the results of several runs in one folder."""

from pathlib import Path
from typing import Annotated

import typer

from lgeqa.cli.options import Quiet


def merge(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Output folders of lgeqa assess or measure.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for all results.")],
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Model that made the results, if not the one in the package.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Merge runs, such as the shards of `lgeqa assess --shard`, into one folder with one table and one report.

    Tables are those of one run over all scans. The runs stay as they are. On one disk, results take no room twice.

    Exit code 0: all scans were assessed. 3: some were not, or a shard has not finished. 2: wrong use.
    """
    from lgeqa.cli.console import NOT_ALL, conclude, exit_code
    from lgeqa.formatting import plural
    from lgeqa.workflows.merging import merge_runs

    merged = merge_runs(runs, out, bundle)
    if not quiet:
        conclude(merged.run)
    if merged.n_missing:
        typer.echo(
            f"At least {plural(merged.n_missing, 'scan')} of the shards are missing. Finish these shards, or name all "
            "shards, and merge again.",
            err=True,
        )
    raise typer.Exit(exit_code(merged.run.items) or (NOT_ALL if merged.n_missing else 0))
