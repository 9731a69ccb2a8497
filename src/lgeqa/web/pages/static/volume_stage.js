// The volume of a scan to rate: its canvas, the slider of its slices, and the window in which all readers see it.

import { find, make } from "./shared/dom.js";
import { createViewer } from "./volume_viewer.js";

/** @import { Viewer } from "./volume_viewer.js" */
/** @typedef {[low: number, high: number]} Window */

const HEADROOM = 1.35; // of the window, since the brightest signals are what enhances

/**
 * Show a volume on the stage.
 *
 * @param {string} volume address of the `.nii.gz` file
 * @returns {Promise<{ viewer: Viewer, home: Window }>} the viewer, and the window in which it starts
 */
export async function stageVolume(volume) {
  find("#loading").textContent = "Loading the scan …";
  const canvas = make("canvas", { tabindex: "0" });
  find("#stage").replaceChildren(canvas);
  const viewer = await createViewer(canvas, { volume });
  const [low, high] = viewer.window;
  /** @type {Window} */
  const home = [low, low + HEADROOM * (high - low)];
  viewer.setWindow(...home);
  return { viewer, home };
}

/**
 * Let the slider show the slice of a viewer, now and whenever it changes.
 *
 * @param {Viewer} viewer
 */
export function connectSlider(viewer) {
  const slider = find("#slice", HTMLInputElement);
  /** @param {number} slice */
  const show = (slice) => {
    slider.max = String(viewer.slices);
    slider.value = String(slice + 1);
    find("#place").textContent = `${slice + 1} of ${viewer.slices}`;
  };
  viewer.onSlice(show);
  show(viewer.slice);
  slider.oninput = () => (viewer.slice = slider.valueAsNumber - 1);
  find("#loading").textContent = "";
}
