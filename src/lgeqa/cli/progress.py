"""Progress of a run: a bar and the scans in work on a terminal, a line for each finished scan in a pipe."""

import sys
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Final, Literal, Self

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from lgeqa.batch import BatchItem
from lgeqa.cli.console import line
from lgeqa.io import Source
from lgeqa.workflows.assessment import AssessmentRun, Stopped

#: Exit code of a run that was stopped by Ctrl-C.
STOPPED: Final = 130


class RunConsole:
    """Console that shows the scans of a run and, in a `with` block, ends the command when the user stops it.

    Args:
        quiet: Whether only scans that failed are shown.
        lines: Stream that gets a line for each finished scan, unless it is a terminal.
        alone: Whether a scan that is the only one gets no line.
        resumes: Whether the same command continues a run that was stopped.
        conclude: Function that prints the finished scans of a run that was stopped.
    """

    def __init__(
        self,
        *,
        quiet: bool,
        lines: Literal["stdout", "stderr"] = "stdout",
        alone: bool = False,
        resumes: bool = True,
        conclude: Callable[[AssessmentRun], None] = lambda _: None,
    ) -> None:
        self._quiet = quiet
        self._err = lines == "stderr"
        stream = sys.stderr if self._err else sys.stdout
        self._lines = not quiet and not stream.isatty()
        self._alone = alone
        self._resumes = resumes
        self._conclude = conclude
        self._done = self._total = 0
        self._bar = _RunProgress(quiet)

    def step(self, source: Source, step: str) -> None:
        """Show the step that a scan has reached."""
        self._bar.steps[source.scan_id] = step

    def follow(self, run: Iterable[BatchItem], total: int) -> Iterator[BatchItem]:
        """Yield the scans of a run and show each when it is finished."""
        self._total = total
        with self._bar as bar:
            task = bar.add_task("Assessing", total=total)
            for item in run:
                self._done += 1
                bar.steps.pop(item.scan_id, None)
                bar.advance(task)
                if self._lines and not (self._alone and total == 1):
                    outcome = f"kept {item.scan_id}" if item.kept else line(item.result)
                    typer.echo(f"{self._done}/{total} {outcome}", err=self._err)
                elif self._quiet and not item.succeeded:
                    typer.echo(line(item.result), err=True)
                yield item

    def __enter__(self) -> Self:
        """Enter the block in which Ctrl-C ends the command."""
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        """Show what is done and say how to continue, and end the command, if the user stopped the run."""
        if not isinstance(error, KeyboardInterrupt):
            return
        if not self._total:
            typer.echo("Stopped before the first scan.", err=True)
            raise typer.Exit(STOPPED) from None
        done = len(error.run.items) if isinstance(error, Stopped) else self._done
        if isinstance(error, Stopped) and done:
            self._conclude(error.run)
        remedy = " Run the command again with the same OUT to continue." if self._resumes else ""
        typer.echo(f"Stopped: {done} of {self._total} scans are done.{remedy}", err=True)
        raise typer.Exit(STOPPED) from None


class _RunProgress(Progress):
    """Bar of a run with, below it, each scan in work and its step. A long name of a scan goes on in the next line.

    Attributes:
        steps: Step that each scan in work has reached, by its name.
    """

    def __init__(self, quiet: bool) -> None:
        self.steps: dict[str, str] = {}
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
            transient=True,
            expand=True,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bar and a line for each scan in work."""
        yield from super().get_renderables()
        for name, step in list(self.steps.items()):
            yield Text.assemble(name, (f" {step}", "dim"), overflow="fold")
