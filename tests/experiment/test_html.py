"""A report as one file."""

import base64
from pathlib import Path

from lgeqa.experiment.html_report import html

REPORT = """# Experiment: <ours> & theirs

A reader named <script>alert(1)</script>.

| Who | F1 |
| --- | --- |
| <b>bold</b> | .9 |

![Fig. 2](figure-2.png)
"""


def test_report_is_one_page_with_pictures_and_no_script(tmp_path: Path) -> None:
    (tmp_path / "figure-2.png").write_bytes(b"picture")
    page = html(REPORT, tmp_path)
    assert "<title>Experiment: &lt;ours&gt; &amp; theirs</title>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert '<div class="wide"><table>' in page
    assert "</table></div>" in page
    assert "<td>&lt;b&gt;bold&lt;/b&gt;</td>" in page
    assert f'src="data:image/png;base64,{base64.b64encode(b"picture").decode()}"' in page
    assert ".wide" in page[page.index("<style>") : page.index("</style>")]
