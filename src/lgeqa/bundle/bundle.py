"""Opening a bundle, checking it, and running its two networks."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from lgeqa.attributes import NAMES
from lgeqa.bundle.manifest import MANIFEST, Manifest
from lgeqa.errors import BundleError
from lgeqa.records import BundleStamp, FloatArray, IntArray

#: Slices that go through a network at a time: enough to keep the cores busy, few enough to stay in their caches.
CHUNK = 8
#: Name of the output that says where the logits came from.
MAPS = "maps"
#: What that output must be: its type, its axes, and how many maps a slice has.
_MAPS_TYPE = ("tensor(float)", 4, [len(NAMES)])


class Bundle:
    """A checked bundle. Its networks are loaded when first used.

    Args:
        manifest: what `bundle.json` says.
        stamp: name, version and hash for the records.
        files: the bytes of each file, already checked.
        threads: of ONNX Runtime within a network; 0 leaves the choice to it.
    """

    def __init__(self, manifest: Manifest, stamp: BundleStamp, files: dict[str, bytes], threads: int = 0) -> None:
        self.manifest = manifest
        self.stamp = stamp
        self._files = files
        self._threads = threads

    @cached_property
    def _detector(self) -> onnxruntime.InferenceSession:
        return self._session(self.manifest.detector.file)

    @cached_property
    def _quality(self) -> onnxruntime.InferenceSession:
        session = self._session(self.manifest.quality.file)
        for output in session.get_outputs():
            if output.name == MAPS and (output.type, len(output.shape), output.shape[1:2]) != _MAPS_TYPE:
                raise BundleError(
                    f"{self.stamp.name}: {self.manifest.quality.file} gives {MAPS} as {output.type} {output.shape}, "
                    f"this lgeqa reads tensor(float) (slice, {len(NAMES)}, row, column). Export the bundle again."
                )
        return session

    def make_ready(self) -> None:
        """Open both networks now, not when they are first used.

        Raises:
            BundleError: one of them cannot be used.
        """
        self._detector, self._quality  # noqa: B018

    @property
    def explains(self) -> bool:
        """Whether its quality network tells where its logits came from."""
        return any(output.name == MAPS for output in self._quality.get_outputs())

    def detect(self, slices: FloatArray, context: IntArray) -> FloatArray:
        """Probability of atrial blood pool.

        Args:
            slices: (slice, row, column), prepared for the detector.
            context: (slice, context) indices of the slices that it sees with each.

        Returns:
            (slice, row, column).
        """
        [probabilities] = _run(self._detector, slices, context)
        return probabilities[:, 0]

    def score(self, slices: FloatArray) -> FloatArray:
        """Probability of being diagnostic, (slice, 4) in the order of `attributes.NAMES`."""
        return self._judge(slices)[0]

    def explain(self, slices: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Probabilities, and where their logits came from, in one run.

        Args:
            slices: (slice, row, column), prepared for the quality network.

        Returns:
            Probabilities as `score` gives them, and HiResCAM maps (slice, 4, map row, map column) in logits: above 0
            what speaks for diagnostic, below 0 what speaks against it.

        Raises:
            BundleError: its quality network gives no maps; see `explains`.
        """
        if not self.explains:
            raise BundleError(
                f"{self.stamp.name}: {self.manifest.quality.file} gives no {MAPS}: it was exported by an earlier lgeqa."
            )
        probabilities, maps = self._judge(slices)
        return probabilities, maps

    def _judge(self, slices: FloatArray) -> list[FloatArray]:
        return _run(self._quality, slices, np.arange(len(slices))[:, None])

    def _session(self, name: str) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(self._files[name], options, providers=_providers())
        except Exception as fault:
            raise BundleError(f"{self.stamp.name}: {name} is no ONNX network that runs here ({fault}).") from None


def open_bundle(path: Path | None = None, threads: int = 0) -> Bundle:
    """Open a bundle and check every file that it names.

    Args:
        path: the bundle's folder; None for the one inside the package.
        threads: of ONNX Runtime within a network; 0 leaves the choice to it.

    Raises:
        BundleError: a file is missing or altered, or the manifest is not one that this version reads.
    """
    folder = default_bundle() if path is None else path
    text = _read(folder / MANIFEST)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValueError as fault:
        raise BundleError(f"{folder / MANIFEST}: is not a manifest that this lgeqa reads: {_brief(fault)}") from None
    if manifest.quality.outputs != NAMES:
        raise BundleError(f"{folder}: its outputs are {manifest.quality.outputs}, this lgeqa reads {NAMES}.")
    files = {name: _checked(folder, name, sha) for name, sha in manifest.sha256.items()}
    for name in (manifest.detector.file, manifest.quality.file):
        if name not in files:
            raise BundleError(f"{folder / MANIFEST}: gives no SHA-256 of {name}. Export the bundle again.")
    stamp = BundleStamp(name=manifest.name, version=manifest.version, sha256=hashlib.sha256(text).hexdigest())
    return Bundle(manifest, stamp, files, threads)


def default_bundle() -> Path:
    """Folder of the bundle inside the package."""
    return Path(str(resources.files("lgeqa.bundle"))) / "default"


def _checked(folder: Path, name: str, sha256: str) -> bytes:
    if Path(name).name != name:
        raise BundleError(f"{folder / MANIFEST}: names a file outside of its folder: {name!r}.")
    content = _read(folder / name)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise BundleError(
            f"{folder / name}: was altered or cut short: its SHA-256 is {found[:12]}…, the manifest says "
            f"{sha256[:12]}…. Get the bundle again."
        )
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise BundleError(f"{path}: cannot be read ({fault.strerror}). Name the folder of a bundle.") from None


def _brief(fault: ValueError) -> str:
    return " ".join(str(fault).split())[:300]


def _providers() -> Sequence[str]:
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    return [name for name in wanted if name in onnxruntime.get_available_providers()]


def _run(session: onnxruntime.InferenceSession, slices: FloatArray, channels: IntArray) -> list[FloatArray]:
    """Feed (slice, row, column) through a network in chunks, the slices of `channels` at once; each of its outputs."""
    name = session.get_inputs()[0].name
    chunks = [channels[i : i + CHUNK] for i in range(0, len(channels), CHUNK)]
    outputs: list[list[Any]] = [session.run(None, {name: slices[chunk]}) for chunk in chunks]
    return [np.concatenate(parts).astype(np.float32, copy=False) for parts in zip(*outputs, strict=True)]
