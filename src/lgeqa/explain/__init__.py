"""Where on a scan the verdict comes from."""

from lgeqa.explain.heat import heat_volume as heat_volume
