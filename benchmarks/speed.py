"""Time of a verdict on a volume in memory, with ONNX Runtime and with the same networks in eager PyTorch, in one run.

OPENBLAS_NUM_THREADS=1 python benchmarks/speed.py --scan FILE [--scan ...] --full DIR [--shipped DIR] [--repeats 5]

`--full` names a full-precision bundle. Eager PyTorch gets networks of the same shape with random weights, whose
arithmetic takes the same time, and the same atrium slices. `lgeqa assess` also runs with one BLAS thread.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.bundle.bundle import CHUNK
from lgeqa.inference.detection import search_atrium
from lgeqa.inference.pipeline import AssessSettings, assess_scan
from lgeqa.inference.vote import vote
from lgeqa.io import discover, read_scan
from lgeqa.preprocessing import prepare_for_quality
from lgeqa.records import BoolArray, FloatArray, IntArray, Scan
from lgeqa.training.networks import Detector, QualityNetwork


def eager_verdict(scan: Scan, atrium: BoolArray, bundle: Bundle, networks: tuple[Detector, QualityNetwork]) -> str:
    """Return the verdict of the same steps with eager networks, on this atrium, since random weights find none."""
    manifest = bundle.manifest

    def detect(slices: FloatArray, context: IntArray) -> FloatArray:
        return _eager(networks[0], slices, context)[:, 0]

    part = manifest.detector
    with torch.inference_mode():
        _ = search_atrium(scan.voxels, scan.spacing_mm, detect, part.preparation, part.rule)
        slices = prepare_for_quality(scan.voxels, atrium, scan.spacing_mm, manifest.quality.preparation)
        scores = _eager(networks[1], slices, np.arange(len(slices))[:, None])
    return vote(scores[:, 3], manifest.threshold).verdict


def _eager(network: nn.Module, slices: FloatArray, channels: IntArray) -> FloatArray:
    """Return probabilities, computed in chunks of the same size as in the bundle, which suits eager PyTorch too."""
    chunks = [torch.from_numpy(slices[channels[i : i + CHUNK]]) for i in range(0, len(channels), CHUNK)]
    probabilities: FloatArray = torch.sigmoid(torch.cat([network(chunk) for chunk in chunks])).numpy()
    return probabilities


def main() -> None:
    """Print the median times of each scan, taken in turn, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scan", type=Path, action="append", required=True)
    parser.add_argument("--full", type=Path, required=True)
    parser.add_argument("--shipped", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    full, shipped = (open_bundle(path, options.threads) for path in (options.full, options.shipped))
    context = len(full.manifest.detector.preparation.context_mm)
    networks = (Detector(context=context).eval(), QualityNetwork().eval())
    print("| scan | eager PyTorch | full precision | ratio | as shipped | ratio |\n|---|---|---|---|---|---|")
    for path in options.scan:
        [source] = discover([path])
        scan = read_scan(source)
        atrium = assess_scan(scan, full, AssessSettings()).atrium
        ways: list[Callable[[], object]] = [
            partial(eager_verdict, scan, atrium, full, networks),
            partial(assess_scan, scan, full, AssessSettings()),
            partial(assess_scan, scan, shipped, AssessSettings()),
        ]
        eager, plain, compact = (
            statistics.median(times) for times in zip(*_in_turn(ways, options.repeats), strict=True)
        )
        size = "x".join(map(str, np.flip(scan.voxels.shape)))
        print(
            f"| {path.parent.name} ({size}, {int(atrium.any(axis=(1, 2)).sum())} atrium slices) | {eager:.3f} s | "
            f"{plain:.3f} s | {eager / plain:.2f} | {compact:.3f} s | {eager / compact:.2f} |"
        )


def _in_turn(ways: list[Callable[[], object]], repeats: int) -> list[list[float]]:
    """Return the times of each way, in turn so that load affects all alike, without the first round, which warms up."""
    rounds = []
    for _ in range(repeats + 1):
        times = []
        for way in ways:
            start = time.perf_counter()
            way()
            times.append(time.perf_counter() - start)
        rounds.append(times)
    return rounds[1:]


if __name__ == "__main__":
    main()
