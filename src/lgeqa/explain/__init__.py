"""Attribution of the verdict to places on the scan."""

from lgeqa.explain.heat import heat_volume as heat_volume
