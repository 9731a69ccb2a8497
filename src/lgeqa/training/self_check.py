"""Check of a trained network: does it say more than a constant?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from lgeqa.bootstrap import Numbers
from lgeqa.evaluation.constant import constant_caution, prevalence_caution
from lgeqa.inference.bundle.bundle import CHUNK, PROBABILITIES
from lgeqa.scales import QUALITY_FIRST, SCALE_NAMES
from lgeqa.training.slice_store import SliceBatches, SliceDataset

#: Number of training slices, about, on which a network is checked.
_MOST_SLICES = 256


def probabilities_of(network: Path, store: SliceDataset, places: Sequence[int]) -> Numbers:
    """Return the probabilities of the slices at some places of a store, (slice, 4), by an ONNX network."""
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    chunks = [store[places[start : start + CHUNK]]["slice"].numpy() for start in range(0, len(places), CHUNK)]
    return np.concatenate([session.run([PROBABILITIES], {name: chunk})[0] for chunk in chunks]).astype(np.float64)


def constant_cautions(network: Path, training: SliceDataset) -> list[str]:
    """Return what to say about each scale on which a network says the same of every slice that it learnt from.

    Validation slices do not show this: they may be of a single scan.
    """
    per_scan = -(-_MOST_SLICES // len(training.labels))
    chosen = SliceBatches(training.owner, per_scan, 1, seed=0).draw()
    probabilities = probabilities_of(network, training, chosen.tolist())
    return [
        caution
        for scale in QUALITY_FIRST
        if (caution := constant_caution(scale.title, probabilities[:, SCALE_NAMES.index(scale.name)]))
    ]


def prevalence_cautions(network: Path, validation: SliceDataset, training: SliceDataset) -> list[str]:
    """Return what to say about each scale on which a network is no better than the share of diagnostic scans.

    Args:
        network: ONNX file of the network.
        validation: Validation slices.
        training: Training slices, whose scans give the share.
    """
    cautions = []
    probabilities = probabilities_of(network, validation, range(len(validation)))
    scans = np.unique(validation.owner)
    means = np.array([probabilities[validation.owner == scan].mean(axis=0) for scan in scans])
    for scale in QUALITY_FIRST:
        column = SCALE_NAMES.index(scale.name)
        labels, learnt = validation.labels[scans, column], training.labels[:, column]
        known = ~np.isnan(labels)
        if known.any() and not np.isnan(learnt).all():
            share = float(np.nanmean(learnt >= 0.5, where=~np.isnan(learnt)))
            cautions.append(prevalence_caution(scale.title, labels[known] >= 0.5, means[known, column], share))
    return [caution for caution in cautions if caution]
