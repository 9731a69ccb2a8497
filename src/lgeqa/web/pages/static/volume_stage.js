// The volume of a scan to rate: its canvas, the slider of its slices, and the window in which all readers see it.

import { find, make } from "./shared/dom.js";
import { wait } from "./shared/http.js";
import { sliceAfter } from "./shared/slice_keys.js";
import { createViewer } from "./volume_viewer.js";

/** @import { Viewer } from "./volume_viewer.js" */
/** @typedef {{ holder: HTMLElement, viewer: Viewer, home: [low: number, high: number] }} Volume */

const HEADROOM = 1.35; // of the window, since the brightest signals are what enhances
const RETRY_MS = 3000;
const ZOOM_STEP = 2 ** 0.5;

export class VolumeStage {
  #addressOf;
  /** @type {Volume | null} */
  #shown = null;
  /** @type {{ number: number, volume: Promise<Volume> } | null} the scan that comes next, drawn out of sight */
  #prepared = null;
  #opened = 0; // counts scans that were opened, so that what arrives late for an earlier one is dropped

  /** @param {(number: number) => string} addressOf returns the address of a scan's `.nii.gz` file */
  constructor(addressOf) {
    this.#addressOf = addressOf;
    find("#reset").addEventListener("click", () => this.reset());
    find("#larger").addEventListener("click", () => this.enlarge());
    find("#smaller").addEventListener("click", () => this.enlarge(-1));
    find("#slice", HTMLInputElement).addEventListener("input", ({ target }) => {
      if (this.#shown) this.#shown.viewer.slice = /** @type {HTMLInputElement} */ (target).valueAsNumber - 1;
    });
  }

  /** Whether a scan is on show. */
  get isFilled() {
    return this.#shown !== null;
  }

  /**
   * Show a scan, and try again until it can be loaded. Return whether it is on show, and not another one opened since.
   *
   * @param {number} number
   */
  async show(number) {
    this.clear();
    const opened = this.#opened;
    const loading = find("#loading");
    loading.textContent = "Loading the scan …";
    while (opened === this.#opened) {
      try {
        const volume = await this.#take(number);
        if (opened === this.#opened) this.#fill(volume);
        else discard(volume);
      } catch (error) {
        if (opened !== this.#opened) return false;
        loading.textContent = `${error instanceof Error ? error.message : error} Trying again.`;
        await wait(RETRY_MS);
      }
      if (this.#shown && opened === this.#opened) return true;
    }
    return false;
  }

  /**
   * Load and draw a scan out of sight, so that it is there at once when it is shown.
   *
   * @param {number} number
   */
  prepare(number) {
    if (this.#prepared?.number === number) return;
    this.#prepared?.volume.then(discard, () => {});
    this.#prepared = { number, volume: drawVolume(this.#addressOf(number)) };
    this.#prepared.volume.catch(() => {}); // `show` tries again
  }

  /** Take the scan off the stage. */
  clear() {
    this.#opened += 1;
    if (this.#shown) discard(this.#shown);
    this.#shown = null;
    find("#place").textContent = find("#loading").textContent = "";
  }

  /** @param {number} slices */
  turn(slices) {
    const viewer = this.#shown?.viewer;
    if (viewer) viewer.slice = sliceAfter(viewer.slice, slices, viewer.slices);
  }

  /** @param {number} [steps] negative for a smaller picture */
  enlarge(steps = 1) {
    if (this.#shown) this.#shown.viewer.zoom *= ZOOM_STEP ** steps;
  }

  /**
   * @param {number} shift share of the window's width
   * @param {number} factor
   */
  changeWindow(shift, factor) {
    const viewer = this.#shown?.viewer;
    if (!viewer) return;
    const [low, high] = viewer.window;
    const level = (low + high) / 2 + shift * (high - low);
    const half = ((high - low) / 2) * factor;
    viewer.setWindow(level - half, level + half);
  }

  /** Return to the whole picture and the window in which the scan was opened. */
  reset() {
    if (!this.#shown) return;
    this.#shown.viewer.setWindow(...this.#shown.home);
    this.#shown.viewer.zoom = 1;
  }

  /**
   * Return the prepared scan if it is this one, or else load it.
   *
   * @param {number} number
   */
  #take(number) {
    const prepared = this.#prepared;
    if (prepared?.number !== number) return drawVolume(this.#addressOf(number));
    this.#prepared = null;
    return prepared.volume;
  }

  /** @param {Volume} volume */
  #fill(volume) {
    this.#shown = volume;
    const { viewer, holder } = volume;
    const slider = find("#slice", HTMLInputElement);
    /** @param {number} slice */
    const showSlice = (slice) => {
      slider.max = String(viewer.slices);
      slider.value = String(slice + 1);
      find("#place").textContent = `${slice + 1} of ${viewer.slices}`;
    };
    viewer.onSlice(showSlice);
    showSlice(viewer.slice);
    holder.classList.remove("waiting");
    find("#loading").textContent = "";
  }
}

/**
 * Draw a volume on a canvas that is not seen yet.
 *
 * @param {string} address
 * @returns {Promise<Volume>}
 */
async function drawVolume(address) {
  const canvas = make("canvas", { tabindex: "0" });
  const holder = make("div", { className: "volume waiting" }, canvas);
  find("#stage").append(holder);
  try {
    const viewer = await createViewer(canvas, { volume: address });
    const [low, high] = viewer.window;
    /** @type {[low: number, high: number]} */
    const home = [low, low + HEADROOM * (high - low)];
    viewer.setWindow(...home);
    return { holder, viewer, home };
  } catch (error) {
    holder.remove();
    throw error;
  }
}

/** @param {Volume} volume */
function discard({ holder, viewer }) {
  viewer.destroy();
  holder.remove();
}
