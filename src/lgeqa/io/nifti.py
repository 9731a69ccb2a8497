"""Header of a NIfTI file, version 1 or 2 (nifti.nimh.nih.gov/nifti-1 and nifti-2)."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lgeqa.errors import ReadError
from lgeqa.io.formatting import numbers, printable_path
from lgeqa.io.header import DataBlock, Header, is_packed, read_start
from lgeqa.io.limits import MAX_HEADER_BYTES

if TYPE_CHECKING:
    from nibabel import Nifti1Header

#: Largest relative difference between the spacing in pixdim and in sform.
SPACING_TOLERANCE = 0.01

#: Largest angle between the axes of qform and sform.
MAX_TURN_DEGREES = 10.0

#: First axis, counted from 0, that holds components of a voxel.
_COMPONENT_AXIS = 4
#: Codes of the data types that are read: neither bits, nor numbers whose size depends on the machine.
_TYPES = {2, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280, 2304}
_MM_PER_UNIT = {1: 1000.0, 3: 0.001}
#: Codes of sform for the coordinates of the scanner, or of another scan of the patient. Other codes mean an atlas.
_SCANNER, _ALIGNED = 1, 2
#: Largest deviation of an sform from right angles, or from the qform, with which it is preferred to the qform.
_SFORM_TOLERANCE = 1e-4
_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class _Fields:
    """Fields in use of a header that nibabel has parsed and not checked."""

    header: "Nifti1Header"

    def values(self, *names: str) -> list[float]:
        """Return the values of fields, joined."""
        return [value for name in names for value in np.atleast_1d(self.header[name]).tolist()]

    @property
    def n_dims(self) -> int:
        return int(self.header["dim"][0])

    @property
    def size(self) -> tuple[int, ...]:
        return tuple(self.header["dim"][1 : self.n_dims + 1].tolist())

    @property
    def datatype(self) -> int:
        return int(self.header["datatype"])

    @property
    def mm_per_unit(self) -> float:
        return _MM_PER_UNIT.get(int(self.header["xyzt_units"]) & 7, 1.0)

    @property
    def pixdim(self) -> tuple[float, ...]:
        return tuple(self.header["pixdim"][1:4].tolist())

    @property
    def data_offset(self) -> float:
        return float(self.header["vox_offset"])

    @property
    def scaling(self) -> tuple[float, float]:
        """Slope and intercept, 1 and 0 if the stored slope is 0 or not finite."""
        slope, intercept = self.values("scl_slope", "scl_inter")
        if slope == 0 or not math.isfinite(slope):
            return 1.0, 0.0
        return slope, intercept if math.isfinite(intercept) else 0.0

    @property
    def has_qform(self) -> bool:
        return bool(self.header["qform_code"] > 0)

    @property
    def has_sform(self) -> bool:
        return bool(self.header["sform_code"] > 0)

    @property
    def is_of_scanner(self) -> bool:
        return bool(self.header["sform_code"] == _SCANNER)

    @property
    def is_of_patient(self) -> bool:
        return bool(self.header["sform_code"] in (_SCANNER, _ALIGNED))

    @property
    def sform(self) -> npt.NDArray[np.float64]:
        """Matrix (3, 4) from voxel index to RAS position."""
        return np.array(self.values("srow_x", "srow_y", "srow_z")).reshape(3, 4)

    @property
    def qform(self) -> npt.NDArray[np.float64]:
        """Matrix (3, 4) from voxel index to RAS position, from the quaternion, which need not have length 1."""
        from nibabel.quaternions import quat2mat

        b, c, d = self.values("quatern_b", "quatern_c", "quatern_d")
        n = b * b + c * c + d * d
        if not math.isfinite(n):  # nibabel would return an identity matrix
            return np.full((3, 4), math.nan)
        turn = quat2mat((math.sqrt(max(1 - n, 0.0)), b, c, d))
        mirror = -1.0 if self.header["pixdim"][0] < 0 else 1.0
        sides = turn * np.array(self.pixdim) * [1, 1, mirror]
        return np.column_stack([sides, self.values("qoffset_x", "qoffset_y", "qoffset_z")])


def nifti_header(path: Path) -> Header:
    """Read the header of a NIfTI file, whatever its suffix and whether or not it is packed with gzip.

    Raises:
        ReadError: The file is not a NIfTI file, or its header is damaged or contradicts itself.
    """
    packed = is_packed(path)
    fields = _fields(read_start(path, packed), path)
    if not (1 <= fields.n_dims <= 7 and fields.datatype in _TYPES and 0 <= fields.data_offset <= MAX_HEADER_BYTES):
        raise ReadError(
            f"{printable_path(path)}: its NIfTI header is damaged or unusual ({fields.n_dims} axes, data type "
            f"{fields.datatype}, voxels from byte {fields.data_offset:g}). Export it again."
        )
    _refuse_contradiction(fields, path)
    dtype, size = fields.header.get_data_dtype(), fields.size
    components = 2 if dtype.kind == "c" else len(dtype.names or (dtype,))  # of a complex number, of a colour
    with np.errstate(all="ignore"):  # results that are not finite are refused
        placed = _placement(fields, path)
    sides, origin = placed[:, :3], placed[:, 3] * fields.mm_per_unit
    slope, intercept = fields.scaling
    return Header(
        size=size[:_COMPONENT_AXIS],
        components=components * math.prod(size[_COMPONENT_AXIS:]),
        dtype=dtype,
        spacing=tuple(value * fields.mm_per_unit for value in fields.pixdim[: fields.n_dims]),
        origin=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=tuple(float(value) for value in _unit(sides).ravel()),
        oriented=fields.has_qform or fields.has_sform,
        data=DataBlock(
            path, 0, "gzip" if packed else "none", max(int(fields.data_offset), fields.header.single_vox_offset)
        ),
        slope=slope,
        intercept=intercept,
    )


def _fields(start: bytes, path: Path) -> _Fields:
    """Return the header in the version and byte order that its first number, the header size, indicates."""
    from nibabel import Nifti1Header, Nifti2Header  # slow to import, and not needed for other formats

    versions: tuple[Any, ...] = (Nifti1Header, Nifti2Header)
    for version in versions:
        n_bytes = version.sizeof_hdr
        for order in ("little", "big"):
            if len(start) >= n_bytes and int.from_bytes(start[:4], order) == n_bytes:
                header = version(start[:n_bytes], endianness=order, check=False)
                if header["magic"].item()[:3] == version.single_magic:
                    return _Fields(header)
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
