"""Words that a record uses for the outcome of a scan and for what ran the networks. It imports nothing heavy."""

from typing import Literal

Status = Literal["assessed", "measured", "not_assessable", "failed"]
#: Statuses of scans that were assessed or, where only measures were requested, measured.
SUCCEEDED = frozenset({"assessed", "measured"})
Severity = Literal["refused", "review"]
Verdict = Literal["diagnostic", "non-diagnostic"]
Decision = Literal["accept", "review", "repeat"]
#: What runs the networks: the processor, a graphics card, or OpenVINO.
Provider = Literal["cpu", "cuda", "openvino"]
