"""Assessment of one scan, in which any error ends up in the scan's record and never stops the run."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from lgeqa.atomic_io import write_through
from lgeqa.batch.deidentification import Deidentifier
from lgeqa.batch.fingerprint import content_hashes, fingerprint
from lgeqa.batch.output_folder import NO_DICOM, OutputFolder
from lgeqa.config import Settings
from lgeqa.errors import LgeqaError, ScanError, fault_of_the_machine, system_reason
from lgeqa.inference.decision import message_of
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.versions import versions
from lgeqa.workers import report_step

if TYPE_CHECKING:
    from lgeqa.inference.bundle import Bundle
    from lgeqa.inference.decision import DecisionRule
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
        rule: Limits for the verdict and the decision of a record from an earlier run.
        out: Output folder for pictures, masks and DICOM results, if wanted.
        deidentifier: Maker of records and files without names. None to keep names.
        verify: Whether the record of an earlier run is kept only if `is_of` says that it is of the same bytes.
    """

    open_assess: "Callable[[], Callable[[Source], Assessment]]"
    stamp: BundleStamp
    preparation: "QualityPreparation"
    settings: Settings
    rule: "DecisionRule"
    out: OutputFolder
    deidentifier: Deidentifier | None = None
    verify: bool = False

    @classmethod
    def of(
        cls,
        open_assess: "Callable[[], Callable[[Source], Assessment]]",
        bundle: "Bundle",
        settings: "AssessSettings",
        out: OutputFolder,
        deidentifier: Deidentifier | None = None,
        *,
        verify: bool = False,
    ) -> Self:
        """Return the function that assesses scans by a bundle, which `open_assess` opens in the other process."""
        rule = settings.rule(bundle.manifest)
        preparation = bundle.manifest.quality.preparation
        return cls(open_assess, bundle.stamp, preparation, settings, rule, out, deidentifier, verify)

    def __call__(self, source: "Source") -> Outcome:
        """Assess `source`, write its pictures, mask and DICOM results, and turn any error into an outcome."""
        try:
            return self._assess_and_write(source)
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

    def fingerprint(self, source: "Source") -> str:
        """Return the hash of everything that the record of a scan depends on, or nothing if its files are gone."""
        mark = fingerprint(source, self.stamp, self.settings)
        return self.deidentifier.key.digest("fingerprint", mark) if self.deidentifier and mark else mark

    def is_of(self, result: ScanResult, source: "Source") -> bool:
        """Return whether a record is of the present content of a scan's files, of which every byte is read.

        A record without a hash, as of a file that could not be read, is of none.
        """
        try:
            found = content_hashes(source, with_mask=result.mask_source == "supplied")
        except (LgeqaError, OSError):
            return False
        hashes = self.deidentifier.keyed(found) if self.deidentifier else found
        return all(getattr(result, name) == sha256 for name, sha256 in hashes.items())

    def unassessed(
        self, source: "Source", message: str, status: Literal["failed", "not_assessable"] = "failed"
    ) -> ScanResult:
        """Return the record of a scan that was not assessed."""
        from lgeqa.io.formatting import printable_path

        result = ScanResult(
            scan_id=source.scan_id,
            status=status,
            message=self._shown(source.scan_id, message),
            source=printable_path(source.location),
            bundle=self.stamp,
            versions=versions(),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        return self.deidentifier.record(result) if self.deidentifier else result

    def _shown(self, scan_id: str, message: str) -> str:
        """Return a message that may name a file or quote a header, as the record shows it."""
        return self.deidentifier.withhold(scan_id, message) if self.deidentifier else message

    @cached_property
    def _assess(self) -> "Callable[[Source], Assessment]":
        return self.open_assess()

    def _assess_and_write(self, source: "Source") -> Outcome:
        self.out.drop_sidecar_files(source.scan_id)  # Files of an earlier run must not stay beside this record.
        assessment = self._assess(source)
        if self.deidentifier:
            assessment = replace(assessment, result=self.deidentifier.record(assessment.result))
        has_atrium = assessment.atrium.any()
        if self.out.dicom or ((self.out.pictures or self.out.masks) and has_atrium):
            report_step("writing")
        if self.out.pictures and has_atrium:
            from lgeqa.reporting.pictures import draw_pictures

            self.out.save_pictures(source.scan_id, draw_pictures(assessment, self.preparation))
        if self.out.masks and has_atrium:
            write_through(self.out.mask_path(source.scan_id), lambda draft: _write_mask(assessment, draft))
        return self._write_dicom(source, assessment) if self.out.dicom else Outcome(assessment.result)

    def _write_dicom(self, source: "Source", assessment: "Assessment") -> Outcome:
        """Write the DICOM results of a scan. If that cannot be done, its record stays and says why."""
        from lgeqa.dicom_results import write_dicom_results

        result, trace = assessment.result, ""
        key = self.deidentifier.key if self.deidentifier else None
        try:
            write_dicom_results(assessment, source, self.preparation, self.out.dicom_path(source.scan_id), key)
        except ScanError as error:
            result = _without_dicom(result, self._shown(source.scan_id, str(error)))
        except (LgeqaError, MemoryError, OSError):
            raise
        except Exception as error:
            bug = f"a bug in lgeqa ({type(error).__name__}). Please report it with {self.out.log}."
            result, trace = _without_dicom(result, self._shown(source.scan_id, bug)), trace_of(error)
        return Outcome(result, trace)


def open_pipeline(bundle: Path | None, threads: int, settings: "AssessSettings") -> "Callable[[Source], Assessment]":
    """Return the function that assesses a scan, with both networks of the bundle loaded.

    With its three arguments bound, this function serves as `ScanAssessor.open_assess`.

    Raises:
        BundleError: The bundle cannot be used.
    """
    from lgeqa.inference.bundle import open_bundle
    from lgeqa.inference.pipeline import assess_source

    opened = open_bundle(bundle, threads, settings.provider)
    opened.make_ready()
    return partial(assess_source, bundle=opened, settings=settings)


def _write_mask(assessment: "Assessment", path: Path) -> None:
    from lgeqa.io import to_file_grid
    from lgeqa.io.volume_writer import write_nrrd

    write_nrrd(path, to_file_grid(assessment.atrium, assessment.scan), assessment.scan.grid)


def _without_dicom(result: ScanResult, reason: str) -> ScanResult:
    """Return a record that says why there are no DICOM results."""
    warnings = (*result.warnings, f"{NO_DICOM} {reason}")
    message = message_of(result.status, warnings, result.findings)
    return result.model_copy(update={"warnings": warnings, "message": message})


def trace_of(fault: BaseException | None) -> str:
    """Return the traceback of `fault` without its message, which may hold patient data from a scan's header."""
    parts = []
    while fault:
        parts.append("".join([*traceback.format_tb(fault.__traceback__), type(fault).__qualname__]))
        fault = fault.__cause__ or fault.__context__
    return "\ncaused by\n".join(parts)
