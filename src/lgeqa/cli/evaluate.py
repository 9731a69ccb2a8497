"""`lgeqa evaluate`: how well a bundle judges a scored cohort."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from lgeqa.cli.cohort import Rule
from lgeqa.threads import ONE_THREAD


def evaluate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of a trained model, or the word default.")],
    cohort: Annotated[
        list[Path], typer.Option("--cohort", metavar="C", help="Folder of a scored cohort; may be repeated.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the results.")] = Path(
        "lgeqa-evaluation"
    ),
    split: Annotated[
        Path | None, typer.Option("--split", metavar="S", help="A saved split.json, to take a part of the patients.")
    ] = None,
    part: Annotated[
        Literal["test", "validation", "train", "all"] | None,
        typer.Option(help="Which part of the split; test if there is a split, else all."),
    ] = None,
    rule: Rule = "reader",
    reader: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose scores are the labels; truth or label if there are such."),
    ] = None,
    given_masks: Annotated[
        bool, typer.Option("--given-masks", help="Use the masks of the cohort instead of detecting the atrium.")
    ] = False,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Seed of the draws for the intervals.")] = 0,
    draws: Annotated[int, typer.Option(metavar="N", min=100, help="Bootstrap draws for the intervals.")] = 1000,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Scans to work on at once; else one per core, at most 8.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Judge a scored cohort and measure how well the verdicts and probabilities agree with its scores.

    It is the network that is judged, so a scan gets a verdict also where the gate refuses it.

    Writes evaluation.md, evaluation.json, predictions.csv and three plots below OUT, and a record of each scan. Started
    again with the same OUT, it assesses only the scans that are not done.

    Exit code 0: all scans were assessed. 3: finished, but some scans were not. 2: wrong use. 1: a fault of lgeqa.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.extras import require

    require("train", feature="evaluating")
    from lgeqa.cli.evaluating import Request, carry_out

    request = Request(
        bundle=None if str(bundle) == "default" else bundle,
        cohorts=cohort,
        out=out,
        split=split,
        part=part or ("test" if split else "all"),
        rule=rule,
        reader=reader,
        given_masks=given_masks,
        seed=seed,
        draws=draws,
        jobs=jobs,
        quiet=quiet,
    )
    raise typer.Exit(carry_out(request))
