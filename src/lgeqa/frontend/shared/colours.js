// Colours of the overlays on a scan, from the style sheet `colours.css`.

/** @typedef {"heat-for" | "heat-against" | "atrium" | "aorta" | "pools"} Overlay */

/**
 * Return the colour of an overlay as #rrggbb.
 *
 * @param {Overlay} overlay
 */
export function overlayColour(overlay) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${overlay}`).trim();
}

/**
 * Return the red, green and blue parts of the colour of an overlay, 0 to 255.
 *
 * @param {Overlay} overlay
 */
export function overlayRgb(overlay) {
  const colour = overlayColour(overlay);
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}
