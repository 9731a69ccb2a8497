// Outlines of masks, voxel by voxel.

/** @typedef {Float32Array | Uint8Array} Voxels */
/** @typedef {[columns: number, rows: number, slices: number]} Size */

/**
 * Return the part of a mask that has a neighbour outside of the mask on the same axial slice.
 *
 * @param {Voxels} mask
 * @param {number} columns
 */
export function axialOutlines(mask, columns) {
  return mask.map((value, at) => (isInside(mask, at, 1, columns) ? 0 : value));
}

/**
 * Return the outline of a mask on each of the three planes that meet at a voxel, and nothing elsewhere.
 *
 * @param {Voxels} mask
 * @param {Size} size
 * @param {number[]} place column, row and slice
 */
export function planeOutlines(mask, size, place) {
  const steps = [1, size[0], size[0] * size[1]];
  const outlines = mask.slice().fill(0);
  for (const normal of [0, 1, 2]) {
    const [a, b] = [0, 1, 2].filter((axis) => axis !== normal);
    const start = place[normal] * steps[normal];
    for (let i = 0; i < size[a]; i++)
      for (let j = 0; j < size[b]; j++) {
        const at = start + i * steps[a] + j * steps[b];
        if (mask[at] && !isInside(mask, at, steps[a], steps[b])) outlines[at] = mask[at];
      }
  }
  return outlines;
}

/**
 * Return whether all four neighbours of a voxel in a plane are in the mask.
 *
 * @param {Voxels} mask
 * @param {number} at index of the voxel
 * @param {number} across distance of neighbours along one axis of the plane
 * @param {number} down distance of neighbours along the other axis
 */
function isInside(mask, at, across, down) {
  return Boolean(mask[at - across] && mask[at + across] && mask[at - down] && mask[at + down]);
}
