"""Opening a bundle, checking it, and running its two networks."""

import hashlib
import json
from contextlib import suppress
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import onnxruntime
from pydantic import ValidationError

from lgeqa.errors import BundleError, ReadError, UsageError
from lgeqa.inference.bundle.external_data import has_external_data
from lgeqa.inference.bundle.manifest import MANIFEST, Manifest, decisive_sha256
from lgeqa.io.untrusted_files import open_regular, size_of
from lgeqa.measures import measured_reader
from lgeqa.outcomes import Provider
from lgeqa.records import BundleStamp, FloatArray, IntArray
from lgeqa.scales import HIGHEST_SCORE, LOWEST_SCORE, SCALE_NAMES

#: Number of slices per call of a network: enough to keep the cores busy, few enough to stay in their caches.
CHUNK = 8
#: ONNX Runtime's name of each provider, and the package that brings it.
_PROVIDERS: Final[dict[Provider, tuple[str, str]]] = {
    "cpu": ("CPUExecutionProvider", "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "onnxruntime-gpu"),
    "openvino": ("OpenVINOExecutionProvider", "onnxruntime-openvino"),
}
#: Names of the quality network's outputs.
PROBABILITIES, MAPS, NOVELTY = "probabilities", "maps", "novelty"
#: Names of the further outputs of the ordinal and of the multiple-instance strategy.
LEVELS, LOGITS, ATTENTION = "levels", "logits", "attention"
#: Axes after the slice axis of each output that a quality network may have.
_OUTPUTS = {
    PROBABILITIES: (len(SCALE_NAMES),),
    MAPS: (len(SCALE_NAMES), "row", "column"),
    NOVELTY: (),
    LEVELS: (len(SCALE_NAMES), HIGHEST_SCORE - LOWEST_SCORE),
    LOGITS: (len(SCALE_NAMES),),
    ATTENTION: (),
}


class QualityOutputs(NamedTuple):
    """The outputs of the quality network for slices.

    Attributes:
        probabilities: Probability of being diagnostic, (slice, 4) in the order of `scales.SCALE_NAMES`.
        maps: HiResCAM maps (slice, 4, map row, map column) in logits, above 0 for evidence of diagnostic quality and
            below 0 for evidence against it. None if the network has no maps.
        novelty: Distance of each slice from the network's training slices, (slice,). About 1 for a similar slice. None
            if the network has no such output.
        levels: P(score > k) for k = 1 to 4 on each scale, (slice, 4, 4). None if the network has no such output.
        logits: Logits of the probabilities, (slice, 4). None if the network has no such output.
        attention: Attention of each slice before the softmax over its scan, (slice,). None if the network has no such
            output, which comes with `logits`.
        network: Probabilities of the network alone, (slice, 4). None unless the measured reader has a share in
            `probabilities`.
    """

    probabilities: FloatArray
    maps: FloatArray | None = None
    novelty: FloatArray | None = None
    levels: FloatArray | None = None
    logits: FloatArray | None = None
    attention: FloatArray | None = None
    network: FloatArray | None = None


class Bundle:
    """A checked bundle. Its networks are loaded when first used.

    Args:
        manifest: Content of `bundle.json`.
        stamp: Name, version and hash for the records.
        files: Bytes of each file, already checked.
        threads: Number of ONNX Runtime threads per network. 0 leaves the choice to ONNX Runtime.
        provider: What runs the networks.
    """

    def __init__(
        self,
        manifest: Manifest,
        stamp: BundleStamp,
        files: dict[str, bytes],
        threads: int = 0,
        provider: Provider = "cpu",
    ) -> None:
        self.manifest = manifest
        self.stamp = stamp
        self.provider = provider
        self._files = files
        self._threads = threads

    @cached_property
    def _detector(self) -> onnxruntime.InferenceSession:
        return self._session(self.manifest.detector.file)

    @cached_property
    def _quality(self) -> onnxruntime.InferenceSession:
        session = self._session(self.manifest.quality.file)
        for output in session.get_outputs():
            self._check_output(output)
            if output.name == ATTENTION and self.manifest.measured_share:
                raise BundleError(
                    f"{self.stamp.name}: measured_share = {self.manifest.measured_share:g} averages probabilities, and "
                    "its network weighs slices by their logits. Set it to 0."
                )
        return session

    def make_ready(self) -> None:
        """Load both networks now instead of at their first use.

        Raises:
            BundleError: One of them cannot be used.
        """
        self._detector, self._quality  # noqa: B018

    @property
    def explains(self) -> bool:
        """Whether the quality network returns attribution maps of its logits."""
        return any(output.name == MAPS for output in self._quality.get_outputs())

    @property
    def weighs_slices(self) -> bool:
        """Whether the slices of a scan count by attention, and the verdict follows the scan's probability."""
        return any(output.name == ATTENTION for output in self._quality.get_outputs())

    def detect(self, slices: FloatArray, context: IntArray) -> FloatArray:
        """Return the probability of atrial blood pool.

        Args:
            slices: Slices (slice, row, column) prepared for the detector.
            context: Indices of the slices that the detector sees with each slice, (slice, context).

        Returns:
            Probability of each pixel, (slice, row, column).
        """
        [probabilities] = _run(self._detector, slices, context).values()
        return probabilities[:, 0]

    def score(
        self, slices: FloatArray, context: IntArray | None = None, measured: FloatArray | None = None
    ) -> QualityOutputs:
        """Run the quality network, and average its probabilities with measured ones and calibrate them.

        The manifest says how much measured probabilities count, and how to calibrate.

        Args:
            slices: Slices (slice, row, column) prepared for the quality network.
            context: Indices of the slices that the network sees with each slice that it scores, (scored slice,
                context). None if it scores all slices, and sees each alone.
            measured: Probabilities of the scan by the measured reader, (4,). NaN where undefined: the network then
                decides alone, as on all scales if this is None.
        """
        outputs = _run(self._quality, slices, np.arange(len(slices))[:, None] if context is None else context)
        network = None
        if measured is not None and (share := self.manifest.measured_share):
            network = outputs[PROBABILITIES]
            averaged = (1 - share) * network + share * measured
            outputs[PROBABILITIES] = np.where(np.isnan(measured), network, averaged).astype(np.float32)
        if calibration := self.manifest.quality.calibration:
            outputs[PROBABILITIES] = calibration.apply(outputs[PROBABILITIES])
        return QualityOutputs(**{name: outputs[name] for name in _OUTPUTS if name in outputs}, network=network)

    def _check_output(self, output: onnxruntime.NodeArg) -> None:
        axes = _OUTPUTS.get(output.name)
        shape = output.shape[1:]
        fits = (
            axes is not None
            and len(shape) == len(axes)
            and all(size == axis for size, axis in zip(shape, axes, strict=True) if isinstance(axis, int))
        )
        if axes is not None and not (fits and output.type == "tensor(float)"):
            wanted = ", ".join(["slice", *map(str, axes)])
            raise BundleError(
                f"{self.stamp.name}: {self.manifest.quality.file} gives {output.name} as {output.type} {output.shape}, "
                f"this lgeqa reads tensor(float) ({wanted}). Export the bundle again."
            )

    def _session(self, name: str) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 3
        options.add_session_config_entry("session.load_model_format", "ONNX")  # the checked format
        wanted, package = _PROVIDERS[self.provider]
        try:
            session = onnxruntime.InferenceSession(self._files[name], options, providers=[wanted])
        except Exception as error:
            raise BundleError(f"{self.stamp.name}: {name} is not an ONNX network that runs here ({error}).") from None
        if wanted not in session.get_providers():  # ONNX Runtime falls back to the processor without a word
            raise BundleError(
                f"{self.stamp.name}: {self.provider} cannot run {name} here. See that {package} finds what it "
                "needs, or leave --provider out."
            )
        return session


def open_bundle(path: Path | None = None, threads: int = 0, provider: Provider = "cpu") -> Bundle:
    """Open a bundle and check every file that it names.

    Args:
        path: Folder of the bundle. None for the bundle inside the package.
        threads: Number of ONNX Runtime threads per network. 0 leaves the choice to ONNX Runtime.
        provider: What runs the networks: the processor (`cpu`), a graphics card (`cuda`), or OpenVINO (`openvino`).

    Raises:
        UsageError: The provider is not installed.
        BundleError: A file is missing, altered or a link, a network keeps weights in another file, or this version
            cannot read the manifest or has another measured reader than the one that has a share.
    """
    _check_provider(provider)
    folder = default_bundle() if path is None else path
    if path is not None:  # some installers link the package's own files
        _refuse_links(path)
    text = _read(folder / MANIFEST)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise BundleError(f"{folder / MANIFEST}: {_why_unreadable(error)}") from None
    if manifest.decisive_sha256 not in ("", decisive_sha256(json.loads(text))):
        raise BundleError(
            f"{folder / MANIFEST}: the networks, their preparation, rule, limits or threshold were altered after it "
            "was written. Get the bundle again, or export it with the settings wanted."
        )
    if manifest.quality.outputs != SCALE_NAMES:
        raise BundleError(f"{folder}: its outputs are {manifest.quality.outputs}, this lgeqa reads {SCALE_NAMES}.")
    if manifest.measured_share and manifest.measured_reader != (ours := measured_reader().version):
        raise BundleError(
            f"{folder / MANIFEST}: gives a share to version {manifest.measured_reader or 'unknown'} of the measured "
            f"reader, this lgeqa has version {ours}. Use the lgeqa that the bundle came with, or a newer bundle."
        )
    files = {name: _checked(folder, name, sha) for name, sha in manifest.sha256.items()}
    for name in (manifest.detector.file, manifest.quality.file):
        if name not in files:
            raise BundleError(f"{folder / MANIFEST}: gives no SHA-256 of {name}. Export the bundle again.")
        _refuse_external_data(files[name], folder / name)
    stamp = BundleStamp(name=manifest.name, version=manifest.version, sha256=hashlib.sha256(text).hexdigest())
    return Bundle(manifest, stamp, files, threads, provider)


def default_bundle() -> Path:
    """Return the folder of the bundle inside the package."""
    return Path(str(resources.files("lgeqa.inference.bundle"))) / "default"


def _checked(folder: Path, name: str, sha256: str) -> bytes:
    if Path(name).name != name:
        raise BundleError(f"{folder / MANIFEST}: names a file outside of its folder: {name!r}.")
    content = _read(folder / name)
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise BundleError(
            f"{folder / name}: was altered or cut short: its SHA-256 is {actual[:12]}…, the manifest says "
            f"{sha256[:12]}…. Get the bundle again."
        )
    return content


def _refuse_links(folder: Path) -> None:
    """Raise BundleError if a bundle contains a link, which could lead anywhere."""
    links = [path for path in (folder.iterdir() if (folder / MANIFEST).exists() else ()) if path.is_symlink()]
    if links:
        raise BundleError(f"{min(links)}: is a link. Copy the file itself into the bundle.")


def _refuse_external_data(network: bytes, path: Path) -> None:
    """Raise BundleError if a network would read other files, which no hash covers."""
    with suppress(ValueError):  # ONNX Runtime refuses a file that is not a network when it is used
        if has_external_data(network):
            raise BundleError(
                f"{path}: keeps weights in another file. Export the bundle again with all of them inside."
            )


def _read(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(size_of(file))
    except ReadError as error:
        raise BundleError(str(error)) from None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}). Name the folder of a bundle.") from None


def _why_unreadable(error: ValidationError) -> str:
    for detail in error.errors():
        if detail["loc"] == ("quality", "preparation", "normalisation"):
            return (
                f"was made with the normalisation {detail['input']!r}, and this lgeqa measures grey levels in another "
                "way, so its scores would differ. Export it again with `lgeqa train bundle`."
            )
    return f"is not a manifest that this lgeqa reads: {' '.join(str(error).split())[:300]}"


def _check_provider(provider: Provider) -> None:
    name, package = _PROVIDERS[provider]
    if name not in onnxruntime.get_available_providers():
        raise UsageError(
            f"--provider {provider}: this ONNX Runtime does not have it. Install {package} in place of onnxruntime, or "
            "leave the option out."
        )


def _run(session: onnxruntime.InferenceSession, slices: FloatArray, channels: IntArray) -> dict[str, FloatArray]:
    """Run a network on (slice, row, column) in chunks and return its outputs by name.

    Each row of `channels` holds the indices of the slices that form one input.
    """
    name = session.get_inputs()[0].name
    chunks = [channels[i : i + CHUNK] for i in range(0, len(channels), CHUNK)]
    outputs: list[list[Any]] = [session.run(None, {name: slices[chunk]}) for chunk in chunks]
    joined = [np.concatenate(parts).astype(np.float32, copy=False) for parts in zip(*outputs, strict=True)]
    return dict(zip([output.name for output in session.get_outputs()], joined, strict=True))
