"""Header of a NIfTI file, version 1 or 2 (nifti.nimh.nih.gov/nifti-1 and nifti-2)."""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lgeqa.errors import ReadError
from lgeqa.io.formatting import numbers, printable_path
from lgeqa.io.header import DataBlock, Header, is_packed, read_start
from lgeqa.io.limits import MAX_HEADER_BYTES

#: Largest relative difference between the spacing in pixdim and in sform.
SPACING_TOLERANCE = 0.01

#: Largest angle between the axes of qform and sform.
MAX_TURN_DEGREES = 10.0

#: Size of the header, which is also its first number, and offset and format of each field in use.
_HEADER_BYTES = {1: 348, 2: 540}
_PLACES = {
    1: {
        "magic": (344, "3s"),
        "dim": (40, "8h"),
        "datatype": (70, "h"),
        "handedness": (76, "f"),
        "pixdim": (80, "3f"),
        "vox_offset": (108, "f"),
        "scaling": (112, "2f"),
        "xyzt_units": (123, "b"),
        "qform_code": (252, "h"),
        "sform_code": (254, "h"),
        "quatern": (256, "6f"),
        "srow": (280, "12f"),
    },
    2: {
        "magic": (4, "3s"),
        "dim": (16, "8q"),
        "datatype": (12, "h"),
        "handedness": (104, "d"),
        "pixdim": (112, "3d"),
        "vox_offset": (168, "q"),
        "scaling": (176, "2d"),
        "xyzt_units": (500, "i"),
        "qform_code": (344, "i"),
        "sform_code": (348, "i"),
        "quatern": (352, "6d"),
        "srow": (400, "12d"),
    },
}
#: First axis, counted from 0, that holds components of a voxel.
_COMPONENT_AXIS = 4
#: Type of a value, and number of values in a voxel, for each data type.
_TYPES = {
    2: ("u1", 1),
    4: ("i2", 1),
    8: ("i4", 1),
    16: ("f4", 1),
    32: ("f4", 2),
    64: ("f8", 1),
    128: ("u1", 3),
    256: ("i1", 1),
    512: ("u2", 1),
    768: ("u4", 1),
    1024: ("i8", 1),
    1280: ("u8", 1),
    2304: ("u1", 4),
}
_MM_PER_UNIT = {1: 1000.0, 3: 0.001}
#: Codes of sform for the coordinates of the scanner, or of another scan of the patient. Other codes mean an atlas.
_SCANNER, _ALIGNED = 1, 2
#: Largest deviation of an sform from right angles, or from the qform, with which it is preferred to the qform.
_SFORM_TOLERANCE = 1e-4
_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class _Fields:
    """Fields in use, read from the bytes of the header."""

    bytes_: bytes
    order: str
    version: int

    def get(self, name: str) -> tuple[Any, ...]:
        offset, form = _PLACES[self.version][name]
        return struct.unpack_from(self.order + form, self.bytes_, offset)

    @property
    def dim(self) -> tuple[int, ...]:
        return self.get("dim")

    @property
    def datatype(self) -> int:
        return int(self.get("datatype")[0])

    @property
    def mm_per_unit(self) -> float:
        return _MM_PER_UNIT.get(int(self.get("xyzt_units")[0]) & 7, 1.0)

    @property
    def pixdim(self) -> tuple[float, ...]:
        return self.get("pixdim")

    @property
    def data_offset(self) -> float:
        return float(self.get("vox_offset")[0])

    @property
    def scaling(self) -> tuple[float, float]:
        """Slope and intercept, 1 and 0 if the stored slope is 0 or not finite."""
        slope, intercept = self.get("scaling")
        if slope == 0 or not math.isfinite(slope):
            return 1.0, 0.0
        return slope, intercept if math.isfinite(intercept) else 0.0

    @property
    def has_qform(self) -> bool:
        return bool(self.get("qform_code")[0] > 0)

    @property
    def has_sform(self) -> bool:
        return bool(self.get("sform_code")[0] > 0)

    @property
    def is_of_scanner(self) -> bool:
        return bool(self.get("sform_code")[0] == _SCANNER)

    @property
    def is_of_patient(self) -> bool:
        return self.get("sform_code")[0] in (_SCANNER, _ALIGNED)

    @property
    def sform(self) -> npt.NDArray[np.float64]:
        """Matrix (3, 4) from voxel index to RAS position."""
        return np.array(self.get("srow")).reshape(3, 4)

    @property
    def qform(self) -> npt.NDArray[np.float64]:
        """Matrix (3, 4) from voxel index to RAS position, from the quaternion."""
        b, c, d, x, y, z = self.get("quatern")
        n = b * b + c * c + d * d
        if n > 1:
            b, c, d = (part / math.sqrt(n) for part in (b, c, d))
        a = math.sqrt(max(1 - n, 0.0))
        turn = np.array(
            [
                [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
                [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
            ]
        )
        mirror = -1.0 if self.get("handedness")[0] < 0 else 1.0
        sides = turn * np.array(self.pixdim) * [1, 1, mirror]
        return np.column_stack([sides, [x, y, z]])


def nifti_header(path: Path) -> Header:
    """Read the header of a NIfTI file, whatever its suffix and whether or not it is packed with gzip.

    Raises:
        ReadError: The file is not a NIfTI file, or its header is damaged or contradicts itself.
    """
    packed = is_packed(path)
    fields = _fields(read_start(path, packed), path)
    n_dims, *size = fields.dim
    if not (1 <= n_dims <= 7 and fields.datatype in _TYPES and 0 <= fields.data_offset <= MAX_HEADER_BYTES):
        raise ReadError(
            f"{printable_path(path)}: its NIfTI header is damaged or unusual ({n_dims} axes, data type "
            f"{fields.datatype}, voxels from byte {fields.data_offset:g}). Export it again."
        )
    _refuse_contradiction(fields, path)
    code, numbers_of_type = _TYPES[fields.datatype]
    with np.errstate(all="ignore"):  # results that are not finite are refused
        placed = _placement(fields, path)
    sides, origin = placed[:, :3], placed[:, 3] * fields.mm_per_unit
    slope, intercept = fields.scaling
    return Header(
        size=tuple(size[: min(n_dims, _COMPONENT_AXIS)]),
        components=numbers_of_type * math.prod(size[_COMPONENT_AXIS:n_dims]),
        dtype=np.dtype(fields.order + code),
        spacing=tuple(value * fields.mm_per_unit for value in fields.pixdim[:n_dims]),
        origin=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=tuple(float(value) for value in _unit(sides).ravel()),
        oriented=fields.has_qform or fields.has_sform,
        data=DataBlock(
            path, 0, "gzip" if packed else "none", max(int(fields.data_offset), _HEADER_BYTES[fields.version] + 4)
        ),
        slope=slope,
        intercept=intercept,
    )


def _fields(start: bytes, path: Path) -> _Fields:
    """Return the header in the version and byte order that its first number, the header size, indicates."""
    for order in "<>":
        for version, n_bytes in _HEADER_BYTES.items():
            if len(start) >= n_bytes and struct.unpack_from(order + "i", start)[0] == n_bytes:
                fields = _Fields(start[:n_bytes], order, version)
                if fields.get("magic") == (f"n+{version}".encode(),):
                    return fields
    raise ReadError(f"{printable_path(path)}: is not a NIfTI file, whatever its name says. Export it again.")


def _refuse_contradiction(fields: _Fields, path: Path) -> None:
    """Refuse an sform whose spacing differs from pixdim, or whose directions differ from the qform.

    The sform of an atlas may differ if a qform gives the orientation of the patient.
    """
    counts = fields.has_sform and (fields.is_of_patient or not fields.has_qform)
    if not (counts and np.isfinite(fields.sform).all()):
        return
    pixdim, sform = fields.pixdim, tuple(math.hypot(*column) for column in fields.sform[:, :3].T)
    if not all(abs(ours - theirs) <= SPACING_TOLERANCE * theirs for ours, theirs in zip(pixdim, sform, strict=True)):
        raise ReadError(
            f"{printable_path(path)}: its voxel spacing is {numbers(pixdim)} by pixdim but {numbers(sform)} by sform. "
            "Correct the header or export it again."
        )
    if fields.has_qform and np.isfinite(fields.qform).all():
        cosines = (_unit(fields.sform[:, :3]) * _unit(fields.qform[:, :3])).sum(axis=0)
        turn = math.degrees(math.acos(min(max(float(cosines.min()), -1.0), 1.0)))
        if turn > MAX_TURN_DEGREES:
            raise ReadError(
                f"{printable_path(path)}: its axes are turned by {turn:.0f} degrees between qform and sform, so it is "
                "not known how the patient lies. Correct the header or export it again."
            )


def _placement(fields: _Fields, path: Path) -> npt.NDArray[np.float64]:
    """Return the matrix (3, 4) from voxel index to LPS position, by sform or qform as ITK and 3D Slicer choose."""
    if not (fields.has_qform or fields.has_sform):
        return np.eye(3, 4)
    chosen = fields.sform if _prefers_sform(fields) else fields.qform
    if not np.isfinite(chosen).all():
        raise ReadError(
            f"{printable_path(path)}: its qform or sform holds no numbers. Correct the header or export it again."
        )
    return _RAS_TO_LPS[:, None] * chosen


def _prefers_sform(fields: _Fields) -> bool:
    if not fields.has_sform or not fields.has_qform:
        return fields.has_sform
    sform, sides = fields.sform, _unit(fields.sform[:, :3])
    if not np.isfinite(sform).all() or np.abs(sides @ sides.T - np.eye(3)).max() > _SFORM_TOLERANCE:
        return False
    return fields.is_of_scanner or bool(np.allclose(sform, fields.qform, rtol=0, atol=_SFORM_TOLERANCE))


def _unit(sides: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the columns scaled to length 1, except columns of length 0."""
    lengths = np.array([math.hypot(*column) for column in sides.T])
    return sides / np.where(lengths > 0, lengths, 1)
