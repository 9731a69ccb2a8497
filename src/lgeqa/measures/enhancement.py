"""Measures of enhancement: atrial wall, aortic wall, and septa and valves, compared with blood."""

import numpy as np
from scipy.ndimage import center_of_mass

from lgeqa.measures.blood import LEAST_VOXELS, NO_BLOOD, blood_sd
from lgeqa.measures.heart import ALL, COARSE_MM, Heart, coarse_distance_mm
from lgeqa.measures.value import Measured, undefined

#: Percentile of the signal that represents the brightest part of a wall.
_BRIGHT = 95
#: Number of sectors of the atrial wall on each slice, and smallest number of voxels of one.
_SECTORS, _LEAST_SECTOR = 8, 25
#: Range of depths of the aortic wall in the disc of the aorta, and smallest depth of its blood, in mm.
_AORTIC_WALL_MM, _AORTIC_BLOOD_MM = (-3.0, 4.0), 5.0
#: Largest width of a septum between two pools, in mm, and percentile that represents its bright part.
_SEPTUM_MM, _SEPTUM_BRIGHT = 8.0, 90
#: Smallest number of 2 mm voxels for septal contrast.
_LEAST_SEPTUM = 40


def wall_cnr(heart: Heart, slices: slice = ALL) -> Measured:
    """Measure the contrast-to-noise ratio of the atrial wall, as it is along half of the wall or more.

    Formula: median, over sectors of the wall band, of (95th percentile of the sector - mean of the blood on its slice),
    over the standard deviation of the blood. Eight sectors of 45 degrees around the centre of the atrium divide the
    band of each slice. Those with fewer than 25 voxels, and slices with fewer than 50 voxels of blood, are left out. So
    neither bright tissue or inflow beside a part of the wall, nor one scar, makes up for the rest of the wall. The band
    is smoothed by a Gaussian of 0.8 mm first, since noise alone would raise its brightest part. It reaches from 3.3 mm
    inside to 0.6 mm outside the wall's outer edge, which is found in the image. This is usually from 1.3 mm inside to
    2.6 mm outside the blood pool.
    Unit: none. Direction: higher is better.
    Undefined: no sector is left, or the blood has no spread.
    Source: contrast-to-noise ratio as in Chubb et al., J Cardiovasc Magn Reson 2018, 20:30,
    doi:10.1186/s12968-018-0449-8; the band, its sectors and their percentile are this package's own.
    """
    contrasts = [contrast for z in range(*slices.indices(len(heart.wall))) for contrast in _sector_contrasts(heart, z)]
    spread = blood_sd(heart, slices)
    return Measured(float(np.median(contrasts)) / spread) if contrasts and spread > 0 else undefined(NO_BLOOD)


def _sector_contrasts(heart: Heart, z: int) -> list[float]:
    """Return how much brighter each sector of the wall is than the blood on the same slice, in units of blood."""
    core, (rows, columns) = heart.core[z], np.nonzero(heart.wall[z])
    if core.sum() < LEAST_VOXELS:
        return []
    row, column = center_of_mass(heart.atrium[z])
    down, across = (rows - row) * heart.pixel_mm[0], (columns - column) * heart.pixel_mm[1]
    sectors = np.floor((np.arctan2(down, across) / (2 * np.pi) + 0.5) * _SECTORS) % _SECTORS
    wall, blood = heart.fine_smooth[z, rows, columns], heart.signal[z][core].mean()
    of_sectors = (wall[sectors == sector] for sector in range(_SECTORS))
    return [float(np.percentile(part, _BRIGHT) - blood) for part in of_sectors if part.size >= _LEAST_SECTOR]


def image_intensity_ratio(heart: Heart, slices: slice = ALL) -> Measured:
    """Measure the image intensity ratio of the atrial wall.

    Formula: mean signal of the wall band (see `wall_cnr`) over the mean signal of the blood, both above air.
    Unit: none. Direction: neither, since it depends on the patient's fibrosis as well as on the image.
    Undefined: the band or the core has fewer than 50 voxels, or blood is not brighter than air.
    Source: Khurram et al., Heart Rhythm 2014, doi:10.1016/j.hrthm.2013.10.007, who divide by the mean of blood.
    """
    wall, core = heart.signal[slices][heart.wall[slices]], heart.signal[slices][heart.core[slices]]
    if wall.size < LEAST_VOXELS or core.size < LEAST_VOXELS:
        return undefined(NO_BLOOD)
    return _over_blood(float(wall.mean()), float(core.mean()))


def wall_above_iir_0_97_percent(heart: Heart) -> Measured:
    """Measure the share of the atrial wall above an image intensity ratio of 0.97.

    Formula: share of the voxels of the wall band (see `wall_cnr`) with more than 0.97 times the mean blood, times 100.
    Unit: %. Direction: neither, since it depends on the patient's fibrosis.
    Undefined: the band or the core has fewer than 50 voxels.
    Source: Khurram et al., Heart Rhythm 2014, doi:10.1016/j.hrthm.2013.10.007 (fibrosis).
    """
    return _share_above(heart, 0.97, 0)


def wall_above_iir_1_20_percent(heart: Heart) -> Measured:
    """Measure the share of the atrial wall above an image intensity ratio of 1.20.

    Formula: share of the voxels of the wall band (see `wall_cnr`) with more than 1.20 times the mean blood, times 100.
    Unit: %. Direction: neither, since it depends on the patient's fibrosis.
    Undefined: the band or the core has fewer than 50 voxels.
    Source: Benito et al., Europace 2017, doi:10.1093/europace/euw219 (fibrosis).
    """
    return _share_above(heart, 1.20, 0)


def wall_above_iir_1_61_percent(heart: Heart) -> Measured:
    """Measure the share of the atrial wall above an image intensity ratio of 1.61.

    Formula: share of the voxels of the wall band (see `wall_cnr`) with more than 1.61 times the mean blood, times 100.
    Unit: %. Direction: neither, since it depends on the patient's fibrosis.
    Undefined: the band or the core has fewer than 50 voxels.
    Source: Khurram et al., Heart Rhythm 2014, doi:10.1016/j.hrthm.2013.10.007 (dense scar).
    """
    return _share_above(heart, 1.61, 0)


def wall_above_3_3_sd_percent(heart: Heart) -> Measured:
    """Measure the share of the atrial wall brighter than blood by 3.3 standard deviations.

    Formula: share of the voxels of the wall band (see `wall_cnr`) above mean + 3.3 standard deviations of the blood in
    the core, times 100.
    Unit: %. Direction: neither, since it depends on the patient's fibrosis.
    Undefined: the band or the core has fewer than 50 voxels.
    Source: Harrison et al., Circ Arrhythm Electrophysiol 2014, doi:10.1161/CIRCEP.113.000623.
    """
    return _share_above(heart, 1, 3.3)


def _share_above(heart: Heart, times: float, sds: float) -> Measured:
    """Measure the share of the wall band above `times` the mean blood plus `sds` of its standard deviations, in %."""
    wall, core = heart.signal[heart.wall], heart.signal[heart.core]
    if wall.size < LEAST_VOXELS or core.size < LEAST_VOXELS:
        return undefined(NO_BLOOD)
    threshold = times * core.mean() + sds * blood_sd(heart)
    return Measured(100 * float((wall > threshold).mean()))


def aortic_wall_contrast(heart: Heart, slices: slice = ALL) -> Measured:
    """Measure how far the wall of the descending aorta stands out from the blood in it.

    Formula: (95th percentile of the signal from 3 mm outside to 4 mm inside the aorta's disc - mean of the blood deeper
    than 5 mm in it) / standard deviation of that blood. The wall is smoothed as in `wall_cnr`, which lowers the
    contrast of a 2 mm wall by about a third.
    Unit: none. Direction: higher is better.
    Undefined: no aorta was found, or wall or blood has fewer than 50 voxels.
    Source: this package, in the form of a contrast-to-noise ratio.
    """
    depth, signal = heart.aorta_depth[slices], heart.signal[slices]
    outer, inner = _AORTIC_WALL_MM
    atrium = heart.depth[slices] > -3.0  # excluded, since its own wall may be bright
    wall = heart.fine_smooth[slices][(depth > outer) & (depth < inner) & ~atrium]
    blood = signal[depth > _AORTIC_BLOOD_MM]
    if wall.size < LEAST_VOXELS or blood.size < LEAST_VOXELS:
        return undefined("The descending aorta was not found, or is too small to measure in.")
    if not (spread := float(blood.std())) > 0:
        return undefined("All voxels of the aorta's blood hold one grey level.")
    return Measured(float(np.percentile(wall, _BRIGHT) - blood.mean()) / spread)


def septal_contrast(heart: Heart) -> Measured:
    """Measure the signal of thin tissue between the atrium and another blood pool, such as septa and valves.

    Formula: 90th percentile of the gap over the mean of the blood, both above air. The gap is the tissue outside both
    pools on the 2 mm grid where they are at most 8 mm apart.
    Unit: none; above 1 where the tissue is brighter than blood. Direction: higher is better.
    Undefined: no other blood pool is that near.
    Source: this package.
    """
    if not heart.coarse_pools.any() or heart.core.sum() < LEAST_VOXELS:
        return undefined("No other blood pool was found beside the atrium.")
    atrium = heart.coarse_atrium > 0.5
    to_pool, to_atrium = (coarse_distance_mm(pool) for pool in (heart.coarse_pools, atrium))
    gap = ~heart.coarse_pools & ~atrium & (to_pool + to_atrium <= _SEPTUM_MM + COARSE_MM)
    if gap.sum() < _LEAST_SEPTUM:
        return undefined("No other blood pool is within 8 mm of the atrium.")
    return _over_blood(float(np.percentile(heart.coarse[gap], _SEPTUM_BRIGHT)), float(heart.signal[heart.core].mean()))


def _over_blood(signal: float, blood: float) -> Measured:
    """Return a signal over the signal of blood, or an undefined value if blood is not above air."""
    return Measured(signal / blood) if blood > 0 else undefined("Blood is no brighter than air here.")
