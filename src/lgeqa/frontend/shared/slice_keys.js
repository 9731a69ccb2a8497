// The keys that move through the slices of a scan.

/** @type {Record<string, number>} */
const STEPS = {
  ArrowUp: 1,
  ArrowRight: 1,
  ArrowDown: -1,
  ArrowLeft: -1,
  PageUp: 5,
  PageDown: -5,
  Home: -Infinity,
  End: Infinity,
};

/**
 * Return the number of slices that a key moves towards the head. 0 if it does not move, or a modifier key is pressed.
 *
 * @param {KeyboardEvent} event
 */
export function sliceStep({ key, ctrlKey, metaKey, altKey }) {
  return ctrlKey || metaKey || altKey ? 0 : (STEPS[key] ?? 0);
}

/**
 * Return the slice that is some steps away, or the last one in that direction.
 *
 * @param {number} slice
 * @param {number} step
 * @param {number} count number of slices
 */
export function sliceAfter(slice, step, count) {
  return Math.min(Math.max(slice + step, 0), count - 1);
}
