"""Gate before any verdict: whether this is a complete left-atrial LGE scan for which a verdict is meaningful."""

from lgeqa.gate.checks import Evidence as Evidence
from lgeqa.gate.gate import CHECKS as CHECKS
from lgeqa.gate.gate import check_consistency as check_consistency
from lgeqa.gate.gate import check_novelty as check_novelty
from lgeqa.gate.gate import check_scan as check_scan
from lgeqa.gate.gate import in_order as in_order
from lgeqa.gate.gate import refused as refused
