// The grey levels of a volume that are drawn black and white, as in the report.

/** @typedef {[low: number, high: number]} Window */
/** @typedef {import("./mask_outlines.js").Voxels} Voxels */

const BELOW = 0.05; // of the window below its first percentile, so that the noise of air is not clipped to black
const SAMPLES = 100_000; // voxels from which windows are computed

/**
 * Return two windows of a scan, both without padding: from a little below the 1st percentile to the 99.5th, and from the
 * darkest level to the 99.95th percentile.
 *
 * @param {Voxels} voxels
 * @returns {{ automatic: Window, wide: Window }}
 */
export function windowsOf(voxels) {
  const step = Math.max(1, Math.floor(voxels.length / SAMPLES));
  const sample = voxels.filter((_, at) => at % step === 0).sort();
  const darkest = sample.find((value) => value > sample[0]) ?? sample[0];
  const image = sample.filter((value) => value >= darkest);
  const [low, high, brightest] = [0.01, 0.995, 0.9995].map((share) => image[Math.floor(share * (image.length - 1))]);
  /** @type {Window} */
  const everything = [sample[0], sample[sample.length - 1]];
  return {
    automatic: high > low ? [low - BELOW * (high - low), high] : everything,
    wide: brightest > darkest ? [darkest, brightest] : everything,
  };
}

/**
 * Return a window with the level of blood in the middle.
 *
 * @param {number} black
 * @param {number} blood
 * @returns {Window}
 */
export function bloodWindow(black, blood) {
  return [black, black + 2 * Math.max(blood - black, 1)];
}
