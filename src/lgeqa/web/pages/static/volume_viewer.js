// The volume of a scan with its overlays, drawn by NiiVue. Nothing is requested but the files that are named here.

import "./vendor/niivue-0.69.0/niivue.umd.js";
import { overlayRgb } from "./shared/colours.js";
import { check } from "./shared/http.js";
import { sliceAfter, sliceStep } from "./shared/slice_keys.js";

/** @import { Niivue as NiivueInstance, NVImage as Image } from "@niivue/niivue" */
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
/** @typedef {Float32Array | Uint8Array} Voxels */
/** @typedef {{ image: Image, opacity: number, whole?: Voxels, border?: Voxels }} Layer */

const { Niivue, NVImage, DRAG_MODE, SHOW_RENDER, SLICE_TYPE } = globalThis.niivue;

/** @type {Record<View, number>} */
const VIEWS = { axial: SLICE_TYPE.AXIAL, multiplanar: SLICE_TYPE.MULTIPLANAR };
const LARGEST_ZOOM = 8;
const FAINT = 0.3; // of the opacity that is set
const SAMPLES = 100_000; // voxels from which the window is computed
const FADES_BELOW_MIN = 1; // of NiiVue's COLORMAP_TYPE, which it does not export
/** @type {import("./shared/colours.js").Overlay[]} */
const COLOURS = ["atrium", "aorta", "pools", "heat-for", "heat-against"];

/**
 * Draw a volume on a canvas.
 *
 * The wheel and the arrow keys scroll the slices. Dragging sets the window, and a double click resets it. Dragging with
 * the right button moves the picture. In the multiplanar view dragging moves the crosshair, and with Shift the window.
 * A finger that moves up or down scrolls the slices. Two fingers move the picture.
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
  const [low, high] = windowOf(voxelsOf(scan));
  Object.assign(scan, { cal_min: low, cal_max: high, robust_min: low, robust_max: high });
  [scan, ...layers.map(({ image }) => image)].forEach((image) => niivue.addVolume(image));
  return new Viewer(niivue, canvas, new Map(overlays.map(({ name }, at) => [name, layers[at]])));
}

export class Viewer {
  #niivue;
  #canvas;
  #layers;
  /** @type {((slice: number) => void)[]} */
  #callbacks = [];
  #reported = -1; // slice that the callbacks know
  #swiped = 0;
  #listening = new AbortController();

  /**
   * @param {NiivueInstance} niivue
   * @param {HTMLCanvasElement} canvas
   * @param {Map<string, Layer>} layers overlays by name
   */
  constructor(niivue, canvas, layers) {
    this.#niivue = niivue;
    this.#canvas = canvas;
    this.#layers = layers;
    niivue.onLocationChange = () => this.#report();
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
    return Math.round(this.#niivue.frac2vox(this.#niivue.scene.crosshairPos)[2]);
  }

  set slice(index) {
    const [x, y] = this.#niivue.frac2vox(this.#niivue.scene.crosshairPos);
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
    this.#niivue.setOpacity(this.#niivue.volumes.indexOf(layer.image), layer.opacity * this.#strengthOf(layer));
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

  /** Draw masks as outlines on axial slices, and filled and faint in other planes, where outlines have gaps. */
  #drawMasks() {
    for (const layer of this.#layers.values()) {
      if (layer.border) layer.image.img = this.view === "axial" ? layer.border : layer.whole;
      layer.image.opacity = layer.opacity * this.#strengthOf(layer);
    }
    this.#niivue.updateGLVolume();
  }

  /** @param {Layer} layer */
  #strengthOf({ border }) {
    return border && this.view !== "axial" ? FAINT : 1;
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

/**
 * Return the window of a scan: from the darkest signal, without padding, to all but the brightest 200th of a sample.
 *
 * @param {Voxels} voxels
 */
function windowOf(voxels) {
  const step = Math.max(1, Math.floor(voxels.length / SAMPLES));
  const sample = Array.from({ length: Math.floor(voxels.length / step) }, (_, at) => voxels[at * step]).sort(
    (a, b) => a - b,
  );
  const darkest = sample.find((value) => value > sample[0]) ?? sample[0];
  const image = sample.filter((value) => value >= darkest);
  const [low, high] = [0.005, 0.995].map((share) => image[Math.floor(share * (image.length - 1))]);
  return high > low ? [low, high] : [sample[0], sample[sample.length - 1]];
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
  const whole = voxelsOf(image);
  const border = borderOf(whole, image.hdr?.dims[1] ?? 0);
  image.img = border;
  return { image, opacity, whole, border };
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

/**
 * Return the part of a mask that has a neighbour outside of the mask on the same slice.
 *
 * @param {Voxels} mask
 * @param {number} columns
 */
function borderOf(mask, columns) {
  return mask.map((value, at) =>
    mask[at - 1] && mask[at + 1] && mask[at - columns] && mask[at + columns] ? 0 : value,
  );
}
