"""Make the pictures of the documentation from simulated scans: `python docs/make_figures.py [BUNDLE]`.

The pictures of the report are made with the bundle in the folder BUNDLE, else with the one in the package, in Chromium.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from playwright.sync_api import Browser, sync_playwright

from lgeqa.records import FloatArray
from lgeqa.scales import SCALES
from lgeqa.simulation.acquisition import Acquisition, acquire
from lgeqa.simulation.artefacts import BY_NAME, Artefact, apply_artefacts
from lgeqa.simulation.phantom import Phantom, build_phantom, draw_phantom

IMAGES = Path(__file__).parent / "images"
_LGEQA = [sys.executable, "-c", "from lgeqa.cli import main; main()"]
#: Seeds of the simulated person and of the artefacts.
PERSON, ARTEFACTS = 7, 1
#: A good acquisition: nulled myocardium, enhanced walls, little noise.
GOOD = Acquisition(inversion_over_null=1.04, aortic_wall_t1_ms=240, fibrosis_t1_ms=230, valve_t1_ms=220, noise=0.04)
#: Mechanism that represents each scale, in the order of the scales.
SHOWN_MECHANISMS = ("early_inversion", "breathing", "absent_walls", "white_noise")
#: Number of scans in the pictures of the report, their seed, and the scan that is shown in full.
SCANS, COHORT, SHOWN = 12, 3, "phantom-0006"
FACE, INK, MUTED = "#ffffff", "#1a1a1a", "#666666"


def main() -> None:
    """Write all pictures."""
    plt.rcParams |= {"font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "figure.facecolor": FACE}
    IMAGES.mkdir(exist_ok=True)
    rng = np.random.default_rng(PERSON)
    phantom = build_phantom(draw_phantom(rng, "cropped", spacing_mm=(2.5, 0.625, 0.625)))
    good_and_poor(phantom)
    scales(phantom)
    whole = build_phantom(draw_phantom(np.random.default_rng(PERSON), "full"))
    field_of_view(whole, phantom)
    report(sys.argv[1:])


def good_and_poor(phantom: Phantom) -> None:
    """Draw three slices of a good scan, and of the same heart with an artefact on every scale."""
    places = slices(phantom, 3)
    figure, axes = plt.subplots(2, 3, figsize=(7.2, 4.1), layout="constrained")
    poor = dict.fromkeys(SHOWN_MECHANISMS, 0.35)
    for row, (shares, title) in zip(axes, (({}, "Good"), (poor, "Poor: artefacts on every scale")), strict=True):
        voxels = scanned(phantom, shares)
        for axis, place in zip(row, places, strict=True):
            show(axis, voxels[place], blood(voxels, phantom))
        row[0].set_title(title, loc="left", fontsize=10)
    save(figure, "good-and-poor.png")


def scales(phantom: Phantom) -> None:
    """Draw one slice without an artefact and with a mild and a heavy one of each scale."""
    place = slices(phantom, 3)[1]
    figure, axes = plt.subplots(3, len(SCALES), figsize=(9.6, 5.6), layout="constrained")
    for row, (share, title) in zip(axes, ((0.0, "none"), (0.25, "mild"), (0.9, "heavy")), strict=True):
        for axis, name in zip(row, SHOWN_MECHANISMS, strict=True):
            voxels = scanned(phantom, {name: share})
            show(axis, voxels[place], blood(voxels, phantom))
        row[0].text(-0.03, 0.5, title, transform=row[0].transAxes, rotation=90, ha="right", va="center")
    for axis, scale, name in zip(axes[0], SCALES, SHOWN_MECHANISMS, strict=True):
        axis.set_title(f"{scale.title}:\n{BY_NAME[name].title.lower()}", fontsize=9)
    save(figure, "scales.png")


def field_of_view(whole: Phantom, cropped: Phantom) -> None:
    """Draw the full field and the cropped one of one person."""
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.4), layout="constrained", width_ratios=(1, 1.2))
    for axis, phantom, title in zip(axes, (whole, cropped), ("full field", "cropped"), strict=True):
        voxels = scanned(phantom, {})
        place = slices(phantom, 3)[1]
        show(axis, voxels[place], blood(voxels, phantom))
        axis.contour(phantom.atrium[place], [0.5], colors="#ffb000", linewidths=1)
        axis.set_title(title, fontsize=9)
    save(figure, "fields.png")


def report(bundle: list[str]) -> None:
    """Take pictures of the report on a small cohort: its table, and one scan, light and dark."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        lgeqa(folder, "simulate", "-o", "scans", "--n", str(SCANS), "--seed", str(COHORT))
        chosen = ["--bundle", str(Path(bundle[0]).resolve())] if bundle else []
        lgeqa(folder, "assess", "scans", "-o", "out", "-q", *chosen)
        chromium = os.environ.get("LGEQA_CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        address = (Path(folder) / "out" / "report.html").as_uri()
        photograph(browser, address, "light", "")
        photograph(browser, address, "dark", "-dark")
        browser.close()


def lgeqa(folder: str, *words: str) -> None:
    """Run a command in a folder, where a scan that is not assessed is not an error."""
    done = subprocess.run([*_LGEQA, *words], cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode not in {0, 3}:
        raise SystemExit(done.stderr)


def photograph(browser: Browser, address: str, scheme: Literal["light", "dark"], suffix: str) -> None:
    """Take pictures of the upper part of the report, and of the part of one scan."""
    with browser.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 860}) as context:
        page = context.new_page()
        page.goto(address)
        page.screenshot(path=IMAGES / f"report{suffix}.png")
        page.goto(f"{address}#scan-{SHOWN}")
        part = page.locator("details.scan[open][data-ready]")
        part.locator("> summary").blur()
        part.screenshot(path=IMAGES / f"report-scan{suffix}.png")


def scanned(phantom: Phantom, shares: dict[str, float]) -> FloatArray:
    """Image a phantom with artefacts, each of this share of the heaviest severity, always with the same seed."""
    artefacts = [
        Artefact(mechanism=name, severity=BY_NAME[name].at(share), seed=ARTEFACTS) for name, share in shares.items()
    ]
    return apply_artefacts(acquire(phantom, GOOD), phantom.atrium, phantom.spacing_mm, artefacts)


def slices(phantom: Phantom, n: int) -> list[int]:
    """Return `n` slices spread over those that hold the atrium, from superior to inferior."""
    atrium_slices = np.flatnonzero(phantom.atrium.any(axis=(1, 2)))
    return [int(place) for place in np.quantile(atrium_slices, (np.arange(n) + 0.5) / n)][::-1]


def blood(voxels: FloatArray, phantom: Phantom) -> float:
    """Return the grey level of the atrium's blood."""
    return float(np.median(voxels[phantom.atrium]))


def show(axis: Axes, image: FloatArray, blood_level: float) -> None:
    """Show a slice as on a workstation: patient's right on the left, anterior above, blood always equally bright."""
    axis.imshow(image, cmap="gray", vmin=0, vmax=1.8 * blood_level, interpolation="bilinear")
    axis.set_axis_off()


def save(figure: Figure, name: str) -> None:
    """Write a picture without the date, so that the same code gives the same file."""
    figure.text(0.995, 0.005, "simulated", ha="right", va="bottom", fontsize=7, color=MUTED)
    figure.savefig(IMAGES / name, dpi=100, metadata={"Software": ""})
    plt.close(figure)


if __name__ == "__main__":
    main()
