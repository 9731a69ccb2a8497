// The window that scans are rated in, so that all who judge one see the same.

const HEADROOM = 1.35;

/** NiiVue draws the brightest 2 % white, and there is what enhances: leave room above it. */
export function widened([low, high]) {
  return [low, low + HEADROOM * (high - low)];
}
