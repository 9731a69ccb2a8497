// The volume of a scan with its overlays, drawn by NiiVue. Nothing is requested but the files that are named here.

import "./vendor/niivue-0.69.0/niivue.umd.js";
import { overlayRgb } from "./shared/colours.js";
import { check } from "./shared/http.js";
import { sliceAfter, sliceStep } from "./shared/slice_keys.js";
import { axialOutlines, planeOutlines } from "./mask_outlines.js";
import { windowsOf } from "./volume_window.js";

/** @import { Niivue as NiivueInstance, NVImage as Image } from "@niivue/niivue" */
/** @import { Size, Voxels } from "./mask_outlines.js" */
/** @typedef {"axial" | "multiplanar"} View */
/**
 * A file that is drawn over the volume.
 *
 * @typedef {object} Overlay
 * @property {string} name
 * @property {string} url address of a `.nii.gz` file
 * @property {"atrium" | "aorta" | "pools" | "heat"} kind a mask, whose outline is drawn, or a heat map
 * @property {number} opacity
 */
/** @typedef {{ image: Image, opacity: number, mask?: Voxels }} Layer `mask` as loaded; its image holds outlines */

const { Niivue, NVImage, DRAG_MODE, SHOW_RENDER, SLICE_TYPE } = globalThis.niivue;

/** @type {Record<View, number>} */
const VIEWS = { axial: SLICE_TYPE.AXIAL, multiplanar: SLICE_TYPE.MULTIPLANAR };
const LARGEST_ZOOM = 8;
const FADES_BELOW_MIN = 1; // of NiiVue's COLORMAP_TYPE, which it does not export
/** @type {import("./shared/colours.js").Overlay[]} */
const COLOURS = ["atrium", "aorta", "pools", "heat-for", "heat-against"];

/**
 * Draw a volume on a canvas.
 *
 * The wheel and the arrow keys scroll the slices. Dragging sets the window, and a double click resets it. Dragging with
 * the right button moves the picture. In the multiplanar view dragging moves the crosshair, and with Shift the window.
 * A finger that moves up or down scrolls the slices. Two fingers move the picture. Masks are outlined in each plane.
 *
 * @param {HTMLCanvasElement} canvas fills its parent, which must have a size
 * @param {{ volume: string, overlays?: Overlay[] }} files address of the volume's `.nii.gz` file, and its overlays
 * @returns {Promise<Viewer>} once everything is loaded; rejected if a file cannot be loaded
 */
export async function createViewer(canvas, { volume, overlays = [] }) {
  const niivue = new Niivue({
    backColor: [0, 0, 0, 1],
    crosshairColor: [0.9, 0.9, 0.3, 1],
    dragAndDropEnabled: false,
    invertScrollDirection: true,
    isRadiologicalConvention: true,
    loadingText: "",
    logLevel: "error",
    multiplanarShowRender: SHOW_RENDER.NEVER,
    touchEventConfig: { singleTouch: DRAG_MODE.none, doubleTouch: DRAG_MODE.pan },
  });
  COLOURS.forEach((name) => niivue.addColormap(name, evenColormap(overlayRgb(name))));
  const [scan, layers] = await Promise.all([
    load(volume, { colormap: "gray" }),
    Promise.all(overlays.map(loadLayer)),
    niivue.attachToCanvas(canvas),
  ]);
  const windows = windowsOf(voxelsOf(scan));
  const [low, high] = windows.automatic;
  Object.assign(scan, { cal_min: low, cal_max: high, robust_min: low, robust_max: high });
  [scan, ...layers.map(({ image }) => image)].forEach((image) => niivue.addVolume(image));
  return new Viewer(niivue, canvas, windows, new Map(overlays.map(({ name }, at) => [name, layers[at]])));
}

export class Viewer {
  #niivue;
  #canvas;
  #layers;
  /** @type {((slice: number) => void)[]} */
  #callbacks = [];
  #reported = -1; // slice that the callbacks know
  /** @type {number[]} voxel on whose three planes the outlines are drawn */
  #place;
  #swiped = 0;
  #listening = new AbortController();

  /**
   * @param {NiivueInstance} niivue
   * @param {HTMLCanvasElement} canvas
   * @param {ReturnType<typeof windowsOf>} windows
   * @param {Map<string, Layer>} layers overlays by name
   */
  constructor(niivue, canvas, windows, layers) {
    this.windows = windows;
    this.#niivue = niivue;
    this.#canvas = canvas;
    this.#layers = layers;
    niivue.onLocationChange = () => this.#report();
    this.#place = this.#crosshair;
    this.#listen();
    this.view = "axial";
    this.slice = Math.floor(this.slices / 2);
  }

  /** Number of axial slices. */
  get slices() {
    return this.#niivue.volumes[0].dimsRAS?.[3] ?? 0;
  }

  /** Index of the axial slice on show, 0 the most inferior. */
  get slice() {
    return this.#crosshair[2];
  }

  set slice(index) {
    const [x, y] = this.#crosshair;
    this.#niivue.scene.crosshairPos = this.#niivue.vox2frac([x, y, sliceAfter(0, index, this.slices)]);
    this.#niivue.drawScene();
    this.#report();
  }

  /** @returns {View} */
  get view() {
    return this.#niivue.opts.sliceType === VIEWS.axial ? "axial" : "multiplanar";
  }

  set view(view) {
    const leftButton = { primary: view === "axial" ? DRAG_MODE.none : DRAG_MODE.crosshair, withShift: DRAG_MODE.none };
    this.#niivue.setMouseEventConfig({ leftButton, rightButton: DRAG_MODE.pan, centerButton: DRAG_MODE.pan });
    this.#niivue.opts.crosshairWidth = view === "axial" ? 0 : 0.5;
    this.#niivue.setSliceType(VIEWS[view]);
    this.#drawMasks();
  }

  /**
   * The signals that are drawn black and white.
   *
   * @returns {[low: number, high: number]}
   */
  get window() {
    const { cal_min: low = 0, cal_max: high = 0 } = this.#niivue.volumes[0];
    return [low, high];
  }

  /**
   * @param {number} low
   * @param {number} high
   */
  setWindow(low, high) {
    Object.assign(this.#niivue.volumes[0], { cal_min: low, cal_max: high });
    this.#niivue.updateGLVolume();
  }

  /**
   * Show or hide an overlay.
   *
   * @param {string} name
   * @param {boolean} on
   * @param {number} [opacity] from 0 to 1
   */
  showOverlay(name, on, opacity = 1) {
    const layer = this.#layerOf(name);
    layer.opacity = on ? opacity : 0;
    this.#niivue.setOpacity(this.#niivue.volumes.indexOf(layer.image), layer.opacity);
  }

  /**
   * Add one more overlay.
   *
   * @param {Overlay} overlay
   */
  async addOverlay(overlay) {
    const layer = await loadLayer(overlay);
    this.#niivue.addVolume(layer.image);
    this.#layers.set(overlay.name, layer);
    this.#drawMasks();
  }

  /**
   * Show another heat map in the place of an overlay.
   *
   * @param {string} name
   * @param {string} url
   * @param {number} opacity
   */
  async replaceHeat(name, url, opacity) {
    const layer = await loadHeat(url, opacity);
    const index = this.#niivue.volumes.indexOf(this.#layerOf(name).image);
    this.#niivue.removeVolumeByIndex(index);
    this.#niivue.addVolume(layer.image);
    this.#niivue.setVolume(layer.image, index);
    this.#layers.set(name, layer);
  }

  /** How many times as large as the whole field the picture is, 1 to 8. It grows around the crosshair. */
  get zoom() {
    return this.#niivue.scene.pan2Dxyzmm[3];
  }

  set zoom(zoom) {
    const bounded = Math.min(Math.max(zoom, 1), LARGEST_ZOOM);
    const shift = this.zoom - bounded;
    const at = this.#niivue.frac2mm(this.#niivue.scene.crosshairPos);
    const [x, y, z] = [0, 1, 2].map((axis) => this.#niivue.scene.pan2Dxyzmm[axis] + shift * at[axis]);
    this.#niivue.setPan2Dxyzmm(bounded === 1 ? [0, 0, 0, 1] : [x, y, z, bounded]);
  }

  /** Position of the slice on show along the patient's axis, LPS z in mm. */
  get position() {
    return this.#positionOf(this.slice);
  }

  /**
   * Return the index of the slice nearest to a position along the patient's axis.
   *
   * @param {number} positionMm LPS z
   */
  sliceAt(positionMm) {
    const distances = [...Array(this.slices).keys()].map((z) => Math.abs(this.#positionOf(z) - positionMm));
    return distances.indexOf(Math.min(...distances));
  }

  /**
   * Call `callback` with the index of each slice that is shown from now on.
   *
   * @param {(slice: number) => void} callback
   */
  onSlice(callback) {
    this.#callbacks.push(callback);
  }

  /** Release the canvas and the memory of the graphics card. A new viewer needs a new canvas. */
  destroy() {
    this.#listening.abort();
    this.#niivue.cleanup();
    this.#niivue.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  /** Voxel at the crosshair: column, row and slice. */
  get #crosshair() {
    return [...this.#niivue.frac2vox(this.#niivue.scene.crosshairPos)].map(Math.round);
  }

  /** Draw the outlines of the masks: on all axial slices, or on the three planes that meet at the crosshair. */
  #drawMasks() {
    const { dimsRAS = [], permRAS = [] } = this.#niivue.volumes[0];
    const size = /** @type {Size} */ (dimsRAS.slice(1, 4));
    // The file's columns and rows may run the other way than those of the viewer.
    const place = this.#place.map((at, axis) => (permRAS[axis] < 0 ? size[axis] - 1 - at : at));
    for (const { image, mask } of this.#layers.values())
      if (mask) image.img = this.view === "axial" ? axialOutlines(mask, size[0]) : planeOutlines(mask, size, place);
    // The scan itself, the first volume, is unchanged.
    this.#niivue.volumes.slice(1).forEach((image, at) => this.#niivue.refreshLayers(image, at + 1));
    this.#niivue.drawScene();
  }

  /** Draw the outlines where the crosshair is now, unless they are there or on all slices anyway. */
  #moveOutlines() {
    const place = this.#crosshair;
    if (this.view === "axial" || place.every((at, axis) => at === this.#place[axis])) return;
    this.#place = place;
    this.#drawMasks();
  }

  /** @param {number} z */
  #positionOf(z) {
    return this.#niivue.frac2mm([0.5, 0.5, (z + 0.5) / this.slices], 0, true)[2];
  }

  /** @param {string} name */
  #layerOf(name) {
    const layer = this.#layers.get(name);
    if (!layer)
      throw new RangeError(`No overlay is called ${name}. There are: ${[...this.#layers.keys()].join(", ")}.`);
    return layer;
  }

  #listen() {
    const { signal } = this.#listening;
    this.#canvas.style.touchAction = "none";
    const attributes = {
      role: "slider",
      "aria-label": "Slice",
      "aria-valuemin": "1",
      "aria-valuemax": String(this.slices),
    };
    Object.entries(attributes).forEach(([name, value]) => this.#canvas.setAttribute(name, value));
    this.#canvas.addEventListener("keydown", (event) => this.#press(event), { capture: true, signal });
    this.#canvas.addEventListener("pointermove", (event) => this.#drag(event), { signal });
  }

  #report() {
    this.#moveOutlines();
    const { slice } = this;
    if (slice === this.#reported) return;
    this.#reported = slice;
    this.#canvas.setAttribute("aria-valuenow", String(slice + 1));
    this.#canvas.setAttribute("aria-valuetext", `${slice + 1} of ${this.slices} from below`);
    this.#callbacks.forEach((callback) => callback(slice));
  }

  /**
   * Scroll the slices. NiiVue's own keys do things that these pages do not have, so none of them gets through.
   *
   * @param {KeyboardEvent} event
   */
  #press(event) {
    event.stopImmediatePropagation();
    const step = sliceStep(event);
    if (!step) return;
    event.preventDefault();
    this.slice += step;
  }

  /**
   * Scroll by a finger: a share of the picture's height is as much of the stack, at least a slice for each 2 percent.
   *
   * @param {PointerEvent} event
   */
  #swipe({ movementY }) {
    this.#swiped += (-movementY / this.#canvas.clientHeight) * Math.max(this.slices, 50);
    const steps = Math.trunc(this.#swiped);
    this.#swiped -= steps;
    if (steps) this.slice += steps;
  }

  /**
   * Set the window: across for its width, four times as much from edge to edge, and up for brighter.
   *
   * @param {PointerEvent} event
   */
  #drag(event) {
    if (event.buttons !== 1) return;
    if (event.pointerType === "touch" && this.view === "axial") {
      this.#swipe(event);
      return;
    }
    if (event.shiftKey === (this.view === "axial")) return;
    const [low, high] = this.window;
    const across = event.movementX / this.#canvas.clientWidth;
    const down = event.movementY / this.#canvas.clientHeight;
    const level = (low + high) / 2 + down * (high - low);
    const half = ((high - low) / 2) * 2 ** (2 * across);
    this.setWindow(level - half, level + half);
  }
}

/** @param {number[]} colour */
function evenColormap([red, green, blue]) {
  return { R: [red, red], G: [green, green], B: [blue, blue], A: [0, 255], I: [0, 255] };
}

/**
 * @param {string} url
 * @param {object} options of NiiVue
 */
async function load(url, options) {
  const response = await fetch(url);
  await check(response);
  return NVImage.loadFromUrl({ buffer: await response.arrayBuffer(), url, name: "volume.nii.gz", ...options });
}

/**
 * @param {Overlay} overlay
 * @returns {Promise<Layer>}
 */
async function loadLayer({ url, kind, opacity }) {
  if (kind === "heat") return loadHeat(url, opacity);
  const image = await load(url, { colormap: kind, opacity, cal_min: 0, cal_max: 1 });
  return { image, opacity, mask: voxelsOf(image) };
}

/**
 * Load a heat map. Each has full colour at its own largest value, as in the report.
 *
 * @param {string} url
 * @param {number} opacity
 * @returns {Promise<Layer>}
 */
async function loadHeat(url, opacity) {
  const image = await load(url, { colormap: "heat-for", colormapNegative: "heat-against", opacity });
  const voxels = voxelsOf(image);
  const most = Math.max(Math.abs(image.global_min ?? 0), Math.abs(image.global_max ?? 0)) || 1;
  // NiiVue fades with the square of a value below `cal_min`, so roots fade evenly.
  image.img = voxels.map((value) => Math.sign(value) * Math.sqrt(Math.abs(value) / most));
  const limits = { cal_min: 1, cal_max: 1.001, cal_minNeg: -1.001, cal_maxNeg: -1 };
  return { image: Object.assign(image, { colormapType: FADES_BELOW_MIN, ...limits }), opacity };
}

/** @param {Image} image */
function voxelsOf({ img }) {
  return /** @type {Voxels} */ (img);
}
