"""The raw header of a NIfTI-1 file (nifti.nimh.nih.gov/nifti-1)."""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

from lgeqa.errors import ReadError
from lgeqa.read.header import DataBlock, Header, read_start
from lgeqa.read.suffixes import volume_suffix
from lgeqa.read.words import numbers, shown

#: How far the spacing in pixdim and in sform may differ, as a share.
SPACING_TOLERANCE = 0.01

_HEADER_BYTES = {348: 1, 540: 2}
_BITS = {2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24, 256: 8, 512: 16, 768: 32, 1024: 64, 1280: 64, 2304: 32}
_FLOATS = {16: "f4", 64: "f8"}
_MM_PER_UNIT = {1: 1000.0, 3: 0.001}


@dataclass(frozen=True)
class _Fields:
    """The fields used, each at its offset in the 348 bytes."""

    bytes_: bytes
    order: str

    def get(self, offset: int, form: str) -> tuple[float, ...]:
        return struct.unpack_from(self.order + form, self.bytes_, offset)

    @property
    def dim(self) -> tuple[int, ...]:
        return tuple(int(value) for value in self.get(40, "8h"))

    @property
    def datatype(self) -> int:
        return int(self.get(70, "h")[0])

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        unit = int(self.get(123, "b")[0]) & 7
        return tuple(value * _MM_PER_UNIT.get(unit, 1.0) for value in self.get(80, "3f"))

    @property
    def data_offset(self) -> float:
        return self.get(108, "f")[0]

    @property
    def has_qform(self) -> bool:
        return self.get(252, "h")[0] > 0

    @property
    def has_sform(self) -> bool:
        return self.get(254, "h")[0] > 0

    @property
    def sform_spacing(self) -> tuple[float, ...]:
        rows = self.get(280, "12f")
        return tuple(math.hypot(*rows[axis::4]) for axis in range(3))


def nifti_header(path: Path) -> Header:
    """Read the header of a .nii or .nii.gz file.

    Raises:
        ReadError: the file is no NIfTI-1, or its header is damaged.
    """
    packed = volume_suffix(path) == ".nii.gz"
    fields = _fields(read_start(path, packed), path)
    n_dims, *size = fields.dim
    if not 1 <= n_dims <= 7 or fields.datatype not in _BITS or not 0 <= fields.data_offset < math.inf:
        raise ReadError(
            f"{shown(path)}: its NIfTI header is damaged or unusual ({n_dims} axes, data type {fields.datatype}). "
            "Export it again."
        )
    _refuse_contradiction(fields, path)
    n_bytes = math.prod(size[:n_dims]) * _BITS[fields.datatype] // 8
    return Header(
        format_name="NIfTI",
        image_io="NiftiImageIO",
        size=tuple(size[:n_dims]),
        spacing=fields.spacing_mm[:n_dims],
        oriented=fields.has_qform or fields.has_sform,
        files=(path,),
        data=DataBlock(path, 0, "gzip" if packed else "none", int(fields.data_offset) + n_bytes),
        float_type=fields.order + _FLOATS[fields.datatype] if fields.datatype in _FLOATS else None,
    )


def _fields(start: bytes, path: Path) -> _Fields:
    """The header in its byte order, which the size of the header, its first number, tells."""
    for order in "<>":
        version = _HEADER_BYTES.get(struct.unpack_from(order + "i", start)[0]) if len(start) >= 348 else None
        if version == 2:
            raise ReadError(f"{shown(path)}: is a NIfTI-2 file, which lgeqa does not read. Save it as NIfTI-1.")
        if version == 1:
            return _Fields(start[:348], order)
    raise ReadError(f"{shown(path)}: is not a NIfTI file, whatever its name says. Export it again.")


def _refuse_contradiction(fields: _Fields, path: Path) -> None:
    """ITK takes the spacing from pixdim even where only sform gives the orientation, and with it another spacing."""
    if fields.has_qform or not fields.has_sform:
        return
    pixdim, sform = fields.get(80, "3f"), fields.sform_spacing
    if not all(abs(ours - theirs) <= SPACING_TOLERANCE * theirs for ours, theirs in zip(pixdim, sform, strict=True)):
        raise ReadError(
            f"{shown(path)}: its voxel spacing is {numbers(pixdim)} by pixdim but {numbers(sform)} by sform. "
            "Correct the header or export it again."
        )
