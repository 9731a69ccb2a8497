"""Assessment of one scan, in which any error ends up in the scan's record and never stops the run."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lgeqa.atomic_io import write_through
from lgeqa.batch.output_folder import OutputFolder
from lgeqa.config import Settings
from lgeqa.errors import LgeqaError, ScanError, fault_of_the_machine, system_reason
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.versions import versions

if TYPE_CHECKING:
    from lgeqa.inference.pipeline import Assessment, AssessSettings
    from lgeqa.io import Source
    from lgeqa.preprocessing import QualityPreparation


@dataclass(frozen=True)
class Outcome:
    """The outcome of one scan.

    Attributes:
        result: Record of the scan.
        trace: Traceback of a bug in lgeqa. Empty if there was none.
        of_the_machine: Whether the machine failed and not the scan, so that another try may succeed.
    """

    result: ScanResult
    trace: str = ""
    of_the_machine: bool = False


@dataclass(frozen=True)
class ScanAssessor:
    """A callable that assesses one scan after another, in this process or in another one.

    Attributes:
        open_assess: Function that makes the function to assess a scan. It is called once, in the process that
            assesses.
        stamp: Stamp of the bundle that `open_assess` opens.
        preparation: Preparation of the bundle's quality network, which determines what the pictures show.
        settings: Settings of the assessment.
        out: Output folder for pictures and masks, if wanted.
    """

    open_assess: "Callable[[], Callable[[Source], Assessment]]"
    stamp: BundleStamp
    preparation: "QualityPreparation"
    settings: Settings
    out: OutputFolder

    def __call__(self, source: "Source") -> Outcome:
        """Assess `source`, write its pictures and its mask, and turn any error into an outcome."""
        try:
            return Outcome(self._assess_and_write(source))
        except ScanError as error:
            return Outcome(
                self.unassessed(source, str(error), error.status), of_the_machine=bool(fault_of_the_machine(error))
            )
        except LgeqaError as error:
            return Outcome(self.unassessed(source, str(error)), of_the_machine=bool(fault_of_the_machine(error)))
        except MemoryError:
            message = "Memory ran out. Run again with fewer --jobs or more memory."
            return Outcome(self.unassessed(source, message), of_the_machine=True)
        except Exception as error:
            if machine := fault_of_the_machine(error):
                message = (
                    f"The machine failed, not the scan ({system_reason(machine)}). See to its disk, and run again."
                )
                return Outcome(self.unassessed(source, message), of_the_machine=True)
            message = f"A bug in lgeqa, not of the scan ({type(error).__name__}). Please report it with {self.out.log}."
            return Outcome(self.unassessed(source, message), trace_of(error))

    def make_ready(self) -> None:
        """Load everything that the assessment needs, so that the first scan does not wait for it."""
        self._assess  # noqa: B018

    def unassessed(
        self, source: "Source", message: str, status: Literal["failed", "not_assessable"] = "failed"
    ) -> ScanResult:
        """Return the record of a scan that was not assessed."""
        from lgeqa.io.formatting import printable_path

        return ScanResult(
            scan_id=source.scan_id,
            status=status,
            message=message,
            source=printable_path(source.location),
            bundle=self.stamp,
            versions=versions(),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @cached_property
    def _assess(self) -> "Callable[[Source], Assessment]":
        return self.open_assess()

    def _assess_and_write(self, source: "Source") -> ScanResult:
        self.out.drop_sidecar_files(source.scan_id)  # Files of an earlier run must not stay beside this record.
        assessment = self._assess(source)
        if not assessment.atrium.any():
            return assessment.result
        if self.out.pictures:
            from lgeqa.reporting.pictures import draw_pictures

            self.out.save_pictures(source.scan_id, draw_pictures(assessment, self.preparation))
        if self.out.masks:
            write_through(self.out.mask_path(source.scan_id), lambda draft: _write_mask(assessment, draft))
        return assessment.result


def open_pipeline(bundle: Path | None, threads: int, settings: "AssessSettings") -> "Callable[[Source], Assessment]":
    """Return the function that assesses a scan, with both networks of the bundle loaded.

    With its three arguments bound, this function serves as `ScanAssessor.open_assess`.

    Raises:
        BundleError: The bundle cannot be used.
    """
    from lgeqa.inference.bundle import open_bundle
    from lgeqa.inference.pipeline import assess_source

    opened = open_bundle(bundle, threads)
    opened.make_ready()
    return partial(assess_source, bundle=opened, settings=settings)


def _write_mask(assessment: "Assessment", path: Path) -> None:
    from lgeqa.io import to_file_grid
    from lgeqa.io.volume_writer import write_nrrd

    write_nrrd(path, to_file_grid(assessment.atrium, assessment.scan), assessment.scan.grid)


def trace_of(fault: BaseException | None) -> str:
    """Return the traceback of `fault` without its message, which may hold patient data from a scan's header."""
    parts = []
    while fault:
        parts.append("".join([*traceback.format_tb(fault.__traceback__), type(fault).__qualname__]))
        fault = fault.__cause__ or fault.__context__
    return "\ncaused by\n".join(parts)
