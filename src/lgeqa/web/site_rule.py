"""What a start applies to the scans that are there already: the site's limits, and its choice about headers."""

from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import Final

from sqlalchemy import or_, select, update

from lgeqa.database import Sessions
from lgeqa.inference.bundle import Bundle
from lgeqa.inference.decision import DecisionRule
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.operating_point import DEFAULT
from lgeqa.records import ScanResult
from lgeqa.web.models import ScanRow

#: Number of scans that are decided in one transaction.
_AT_ONCE: Final = 200


@dataclass(frozen=True)
class SiteRule:
    """Limits of a site, or else of the bundle that made a result.

    Attributes:
        settings: Settings of the assessment.
        bundle: Bundle that assesses the scans.
    """

    settings: AssessSettings
    bundle: Bundle

    @property
    def key(self) -> str:
        """Hash of everything that a decision depends on beside the result."""
        parts = (version("lgeqa"), self.settings.model_dump_json(), self.bundle.stamp.sha256)
        return sha256("\n".join(parts).encode()).hexdigest()

    def apply(self, result: ScanResult) -> ScanResult:
        """Return a result with verdict and decision by the limits of the site.

        What the site does not set is taken from the bundle, or from the result if another bundle made it. An assessed
        result without slices, which early versions stored, stays as it is.
        """
        if result.status == "assessed" and not result.slices:
            return result
        rule = self.settings.rule(self.bundle.manifest)
        if result.bundle != self.bundle.stamp:
            threshold = self.settings.threshold or result.threshold or rule.threshold
            rule = DecisionRule(threshold, self.settings.operating_point or result.operating_point or DEFAULT)
        return rule.apply(result)

    def decide_again(self, sessions: Sessions) -> None:
        """Decide again on all results that this rule has not decided on, without a network."""
        key = self.key
        waiting = (ScanRow.result.is_not(None), or_(ScanRow.rule.is_(None), ScanRow.rule != key))
        query = select(ScanRow).where(*waiting).order_by(ScanRow.id).limit(_AT_ONCE)
        while True:
            with sessions.begin() as session:
                rows = session.scalars(query).all()
                for row in rows:
                    row.rule = key
                    if record := row.record:
                        row.keep(self.apply(record))
            if len(rows) < _AT_ONCE:
                return


def forget_headers(sessions: Sessions) -> None:
    """Delete what was kept of DICOM headers, for a site that no longer allows it."""
    with sessions.begin() as session:
        session.execute(update(ScanRow).where(ScanRow.header.is_not(None)).values(header=None))
