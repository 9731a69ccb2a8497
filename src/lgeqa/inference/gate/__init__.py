"""Gate before any verdict: whether this is a complete left-atrial LGE scan for which a verdict is meaningful."""

from lgeqa.inference.gate.checks import Evidence as Evidence
from lgeqa.inference.gate.gate import CHECKS as CHECKS
from lgeqa.inference.gate.gate import CONSISTENCY as CONSISTENCY
from lgeqa.inference.gate.gate import NOVELTY as NOVELTY
from lgeqa.inference.gate.gate import check_consistency as check_consistency
from lgeqa.inference.gate.gate import check_novelty as check_novelty
from lgeqa.inference.gate.gate import check_scan as check_scan
from lgeqa.inference.gate.gate import in_order as in_order
from lgeqa.inference.gate.gate import refused as refused
