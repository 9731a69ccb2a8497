"""How far ways to export a scan move its probability: each scan is written to files and read again, by twelve routes.

python benchmarks/export_routes.py --scans FOLDER [--n 20] [--bundle DIR]

Scans with the closest votes come first, then scans with the lowest probability. Prints a table.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK

import lgeqa
from lgeqa.cohort import Case, read_cohort
from lgeqa.io import Source, read_scan
from lgeqa.records import Scan, ScanResult

Voxels = npt.NDArray[Any]
Writer = Callable[[Path, Voxels, tuple[float, float, float]], Path]
_sitk: Any = SimpleITK  # comes without types


def write_volume(suffix: str) -> Writer:
    """Return a function that writes a volume under a name with this suffix."""

    def write(folder: Path, voxels: Voxels, spacing_mm: tuple[float, float, float]) -> Path:
        image = _sitk.GetImageFromArray(voxels)
        image.SetSpacing([float(mm) for mm in spacing_mm[::-1]])
        _sitk.WriteImage(image, str(folder / f"scan{suffix}"))
        return folder / f"scan{suffix}"

    return write


def write_scaled_nifti(folder: Path, voxels: Voxels, spacing_mm: tuple[float, float, float]) -> Path:
    """Write int16 numbers with slope and intercept in the header, as `scl_slope` and `scl_inter`."""
    low, slope = float(voxels.min()), max(float(np.ptp(voxels)) / 30000, 1e-6)
    path = write_volume(".nii")(folder, np.rint((voxels - low) / slope).astype(np.int16), spacing_mm)
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([slope, low], "<f4").tobytes()
    path.write_bytes(content)
    return path


def write_dicom(folder: Path, voxels: Voxels, spacing_mm: tuple[float, float, float]) -> Path:
    """Write a series of int16 images."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    series = folder / "series"
    series.mkdir()
    uid = generate_uid()
    for z, pixels in enumerate(np.rint(voxels).astype("<i2")):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID, image.SOPInstanceUID, image.SeriesInstanceUID = MRImageStorage, generate_uid(), uid
        image.Modality, image.PhotometricInterpretation, image.SamplesPerPixel = "MR", "MONOCHROME2", 1
        image.Rows, image.Columns = pixels.shape
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation = 15, 1
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [0, 0, z * spacing_mm[0]]
        image.PixelSpacing = [spacing_mm[1], spacing_mm[2]]
        image.PixelData = pixels.tobytes()
        image.save_as(series / f"{z:03}.dcm", enforce_file_format=True)
    return series


def routes(scan: Scan) -> Iterator[tuple[str, Writer, Voxels, tuple[float, float, float]]]:
    """Yield for each route its name, its writer, and the voxels and spacing to write."""
    voxels, mm = scan.voxels, scan.spacing_mm
    nrrd, nifti = write_volume(".nrrd"), write_volume(".nii.gz")
    hot = voxels.copy()
    hot[len(hot) // 2, 5, 5] = 1e5
    sides = ((0, 0), (8, 8), (8, 8))
    z, y, x = (step * (1 + 1e-6) for step in mm)
    yield "gain x3.7", nrrd, voxels * np.float32(3.7), mm
    yield "offset +100", nrrd, voxels + np.float32(100), mm
    yield "gain to int16", nrrd, np.rint(voxels * (30000 / voxels.max())).astype(np.int16), mm
    yield "padding of 0", nrrd, np.pad(voxels, sides), mm
    yield "padding of -1000", nrrd, np.pad(voxels, sides, constant_values=-1000), mm
    yield "crop of 10 px", nrrd, voxels[:, 10:-10, 10:-10], mm
    yield "uneven crop", nrrd, voxels[:, 3:-9, 7:], mm
    yield "hot voxel", nrrd, hot, mm
    yield "spacing x(1+1e-6)", nrrd, voxels, (z, y, x)
    yield "NIfTI float", nifti, voxels, mm
    yield "NIfTI int16 scl_slope", write_scaled_nifti, voxels, mm
    yield "DICOM int16", write_dicom, voxels, mm


def plain(cases: list[Case], bundle: Path | None) -> list[tuple[Case, ScanResult]]:
    """Return each scan with its result as it is, the least certain first."""
    results = [(case, lgeqa.assess(case.image, bundle=bundle)) for case in cases]
    scored = [(case, result) for case, result in results if result.probability is not None]

    def certainty(pair: tuple[Case, ScanResult]) -> tuple[float, float]:
        result = pair[1]
        return abs((result.votes_diagnostic or 0) / (result.votes_total or 1) - 0.5), result.probability or 0

    return sorted(scored, key=certainty)


def main() -> None:
    """Print one line per scan, and one per route."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--bundle", type=Path)
    options = parser.parse_args()
    moved: dict[str, list[float]] = {}
    print("| scan | probability | votes | max change | by | verdict same |\n|---|---|---|---|---|---|", flush=True)
    for case, result in plain(list(read_cohort(options.scans)), options.bundle)[: options.n]:
        scan = read_scan(Source(case.scan_id, "volume", case.image, (case.image,)))
        changes, same = {}, True
        for name, write, voxels, spacing_mm in routes(scan):
            with TemporaryDirectory() as folder:
                other = lgeqa.assess(write(Path(folder), voxels, spacing_mm), bundle=options.bundle)
            same = same and other.verdict == result.verdict
            changes[name] = np.inf if other.probability is None else abs(other.probability - (result.probability or 0))
            moved.setdefault(name, []).append(changes[name])
        worst = max(changes, key=lambda name: changes[name])
        votes = f"{result.votes_diagnostic} of {result.votes_total}"
        print(
            f"| {case.scan_id} | {result.probability:.3f} | {votes} | {changes[worst]:.4f} | {worst} "
            f"| {'yes' if same else 'NO'} |",
            flush=True,
        )
    print("\n| route | max change | mean change |\n|---|---|---|")
    for name, values in moved.items():
        print(f"| {name} | {max(values):.4f} | {np.mean(values):.4f} |")


if __name__ == "__main__":
    main()
