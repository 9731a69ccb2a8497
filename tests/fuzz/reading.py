"""Damaged files of every format, read as `lgeqa assess` and an upload read them: what breaks, hangs or takes memory.

Each mutation follows from its number alone: the same number damages the same file in the same way. Nothing but a scan
or a reason why there is none may come of it, within the limits of time and memory; see `benchmarks/fuzz_reading.py`.
"""

import gzip
import io
import random
import re
import shutil
import struct
import traceback
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from lgeqa.errors import LgeqaError
from lgeqa.io import discover, read_mask, read_scan
from lgeqa.workers import Limits, WorkerDied, work_through
from tests.images import volume, write_dicom_series, write_enhanced_mr, write_volume

#: What a worker may take for one case.
LIMITS = Limits(seconds=20.0, memory_bytes=3 << 30)
#: Most megabytes that reading a damaged file of the corpus may take; a worker at rest has about 100.
PEAK_MB = 500

_VOXELS = volume((6, 40, 36))
_NUMBERS = [0, 1, -1, 2, 3, 7, 127, 128, 255, 256, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63, 10**20]
_WORDS = ["nan", "inf", "-inf", "1e308", "1e-308", "0x10", "", "none", "LIST", "%d", "../x", "/dev/zero", "9" * 400]
_DIGITS = re.compile(rb"-?\d+(?:\.\d+)?")
_START = 1500  # bytes at the start of a file that its header lies in


@dataclass(frozen=True)
class Case:
    """One damaged file, by its number.

    Attributes:
        number: Seed of its damage.
        corpus: Folder of the undamaged files, a folder for each kind.
        keep: Folder that the damaged files are kept in; None to drop them.
    """

    number: int
    corpus: Path
    keep: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of reading one damaged file.

    Attributes:
        kind: Name of its folder in the corpus.
        result: `read`, `refused` or `traceback`.
        words: The reasons told, or the traceback.
        peak_mb: Largest memory of the process meanwhile.
    """

    kind: str
    result: str
    words: str
    peak_mb: float


def write_corpus(folder: Path) -> None:
    """Write small undamaged scans into a folder for each kind."""
    for suffix in (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd"):
        for compress in (False, True):
            kind = folder / f"volume{suffix}{'-packed' if compress else ''}"
            write_volume(kind / f"data{suffix}", _VOXELS, compress=compress)
            write_volume(kind / "shrinkwrap.nrrd", (_VOXELS > 500).astype(np.uint8), compress=compress)
    write_dicom_series(folder / "dicom", _VOXELS)
    for path in write_dicom_series(folder / "dicom-deflated", _VOXELS):
        dataset = dcmread(path)
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.save_as(path)
    for name, syntax in (("rle", RLELossless), ("jpeg-2000", JPEG2000Lossless)):
        for path in write_dicom_series(folder / f"dicom-{name}", _VOXELS):
            dataset = dcmread(path)
            dataset.compress(syntax)
            dataset.save_as(path)
    _write_jpeg_ls(folder / "dicom-jpeg-ls")
    write_enhanced_mr(folder / "dicom-enhanced" / "IM0", _VOXELS)
    packed = dcmread(write_enhanced_mr(folder / "dicom-enhanced-rle" / "IM0", _VOXELS))
    packed.compress(RLELossless)
    packed.save_as(folder / "dicom-enhanced-rle" / "IM0")
    for name in ("volume.nrrd", "volume.nii.gz", "dicom"):
        _write_zip(folder / f"zip-of-{name}" / "study.zip", folder / name)


def _write_jpeg_ls(folder: Path) -> None:
    """Write six images with the pixels of a JPEG-LS file that comes with pydicom, which cannot write any itself."""
    image = dcmread(str(get_testdata_file("MR_small_jpeg_ls_lossless.dcm", download=False)))
    folder.mkdir()
    for index in range(6):
        image.SOPInstanceUID = f"{image.SeriesInstanceUID}.{index}"
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [0, 0, 2.5 * index]
        image.save_as(folder / f"IM{index}")


def _write_zip(path: Path, folder: Path) -> None:
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in sorted(folder.iterdir()):
            archive.write(member, member.name)


def damage(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes of a file with a few of them changed, within its packing as often as on it."""
    if chance.random() < 0.5 and (inner := _repacked(data, chance)):
        return inner
    for _ in range(chance.choice([1, 1, 2, 4])):
        data = chance.choice(_DAMAGES)(data, chance)
    return data


def _repacked(data: bytes, chance: random.Random) -> bytes | None:
    """Damage what is packed in a file, and pack it again; None if nothing is, or it cannot be unpacked."""
    inner = partial(_damaged_raw, chance=chance)
    try:
        if data.startswith(b"\x1f\x8b"):
            return gzip.compress(inner(gzip.decompress(data)), mtime=0)
        if data.startswith(b"PK"):
            return _rezipped(data, inner, chance)
        if DeflatedExplicitVRLittleEndian.encode() in data[:_START]:
            start = 144 + struct.unpack_from("<I", data, 140)[0]
            packer = zlib.compressobj(wbits=-15)
            return data[:start] + packer.compress(inner(zlib.decompress(data[start:], -15))) + packer.flush()
    except (OSError, ValueError, EOFError, zlib.error, struct.error, zipfile.BadZipFile):
        pass
    return None


def _damaged_raw(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.choice([1, 1, 2, 4])):
        data = chance.choice(_DAMAGES)(data, chance)
    return data


def _rezipped(data: bytes, inner: Callable[[bytes], bytes], chance: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = chance.choice(sorted(members))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", chance.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(chance.choice(["../", "/", "", "", "", ""]) + name)
            archive.writestr(info, inner(content) if name == chosen else content)
    return made.getvalue()


def _place(data: bytes | bytearray, chance: random.Random) -> int:
    """Return a place in a file, in its header more often than not."""
    return chance.randrange(max(1, min(len(data), _START if chance.random() < 0.7 else len(data))))


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(chance.choice([1, 1, 3, 20])):
        changed[_place(changed, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: _place(data, chance)]


def _take_out(data: bytes, chance: random.Random) -> bytes:
    start = _place(data, chance)
    return data[:start] + data[start + chance.choice([1, 2, 4, 100]) :]


def _insert(data: bytes, chance: random.Random) -> bytes:
    start, count = _place(data, chance), chance.choice([1, 2, 4, 100, 5000])
    return data[:start] + chance.choice([bytes(count), chance.randbytes(count), b"9" * count]) + data[start:]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted((_place(data, chance), _place(data, chance)))
    return data[:end] + data[start:end] * chance.choice([1, 2, 50]) + data[end:]


def _write_binary(data: bytes, chance: random.Random) -> bytes:
    """Write a number that is seldom good, as integer or float of some size, over a place."""
    form = chance.choice("<>") + chance.choice("bhiqfd")
    number = chance.choice(_NUMBERS)
    try:
        packed = struct.pack(form, number)
    except (struct.error, OverflowError):
        packed = b"\xff" * struct.calcsize(form)
    start = _place(data, chance) & ~chance.choice([0, 1, 3])
    return data[:start] + packed + data[start + len(packed) :]


def _write_text(data: bytes, chance: random.Random) -> bytes:
    """Put another number or word in the place of a number in a header of text."""
    found = list(_DIGITS.finditer(data[:_START]))
    if not found:
        return _flip(data, chance)
    number = chance.choice(found)
    word = str(chance.choice(_NUMBERS)) if chance.random() < 0.7 else chance.choice(_WORDS)
    return data[: number.start()] + word.encode() + data[number.end() :]


_DAMAGES = [_flip, _cut, _take_out, _insert, _repeat, _write_binary, _write_binary, _write_text, _write_text]


def read_damaged(case: Case) -> Outcome:
    """Damage one file of a copy of a kind, and read what there is, as the command line and an upload do."""
    chance = random.Random(case.number)
    kind = chance.choice(sorted(case.corpus.iterdir()))
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "scan"
        shutil.copytree(kind, folder)
        chosen = chance.choice(sorted(folder.iterdir()))
        chosen.write_bytes(damage(chosen.read_bytes(), chance))
        if case.keep:
            shutil.copytree(folder, case.keep / str(case.number))
        _reset_peak()
        result, words = _read(folder)
    return Outcome(kind.name, result, words, _peak_mb())


def _read(folder: Path) -> tuple[str, str]:
    reasons = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            if list(folder.glob("*.zip")):
                _unpack(folder)
            for source in discover([folder]):
                try:
                    scan = read_scan(source)
                    if source.mask_path:
                        read_mask(source.mask_path, scan)
                except LgeqaError as error:
                    reasons.append(str(error))
        except LgeqaError as error:
            reasons.append(str(error))
        except BaseException:  # noqa: BLE001 - that is what is looked for
            return "traceback", traceback.format_exc()
    return ("refused", "\n".join(reasons)) if reasons else ("read", "")


def _unpack(folder: Path) -> None:
    from lgeqa.web.archives import Intake
    from lgeqa.web.settings import ServeSettings

    Intake(folder, ServeSettings()).unpack_all()


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_mb() -> float:
    [kilobytes] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(kilobytes) / 1024


def fuzz(numbers: Iterable[int], corpus: Path, jobs: int, keep: Path | None = None) -> Iterator[tuple[int, Outcome]]:
    """Read a damaged file for each number, in workers; a lost worker is an outcome too."""
    for case, answer in work_through((Case(number, corpus, keep) for number in numbers), read_damaged, jobs, LIMITS):
        yield (
            case.number,
            Outcome("?", "hang or dead worker", str(answer), 0) if isinstance(answer, WorkerDied) else answer,
        )


def faults_of(outcomes: Iterable[tuple[int, Outcome]], counts: Counter[str]) -> Iterator[str]:
    """Count the outcomes, and tell of each that must not be."""
    for number, outcome in outcomes:
        counts[outcome.result] += 1
        counts["peak MB"] = max(counts["peak MB"], round(outcome.peak_mb))
        if outcome.result not in ("read", "refused"):
            yield f"{number} ({outcome.kind}): {outcome.result}\n{outcome.words}"
        elif outcome.peak_mb > PEAK_MB:
            yield f"{number} ({outcome.kind}): took {outcome.peak_mb:.0f} MB\n{outcome.words}"
