// The volume of a scan with its overlays, drawn by NiiVue. Nothing is fetched but the files that are named here.

import "./vendor/niivue-0.69.0/niivue.umd.js";

const { Niivue, NVImage, DRAG_MODE, SHOW_RENDER, SLICE_TYPE } = globalThis.niivue;

const VIEWS = { axial: SLICE_TYPE.AXIAL, multiplanar: SLICE_TYPE.MULTIPLANAR };
const STEPS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5 };
const LARGEST_ZOOM = 8;
const FAINT = 0.3; // of the opacity that is asked for
const SAMPLE = 100_000; // voxels that the window is found from

// As in the report: what speaks for diagnostic is green, what speaks against purple, and little of it is clear.
const COLOURS = {
  contour: [0, 230, 255],
  aorta: [255, 122, 60],
  pools: [90, 162, 255],
  for: [46, 184, 92],
  against: [186, 85, 232],
};
const OPAQUE_FROM = 0.8; // of the largest value
const FADES_BELOW_MIN = 1; // of NiiVue's COLORMAP_TYPE, which it does not export

/**
 * Draw a volume on a canvas.
 *
 * The wheel and the arrow keys scroll the slices; dragging sets the window and a double click resets it; dragging with
 * the right button moves the picture. In the multiplanar view dragging moves the crosshair, and with Shift the window.
 * A finger that moves up or down scrolls the slices; two fingers move the picture.
 *
 * @param {HTMLCanvasElement} canvas fills its parent, which must have a size
 * @param {{volume: string, overlays?: {name: string, url: string, kind: "contour"|"aorta"|"pools"|"heat", opacity: number}[]}} what
 *   addresses of `.nii.gz` files: the volume, masks whose contours are drawn, and heat maps; heat above 0 is drawn green and heat
 *   below 0 purple, each map up to its own largest value
 * @returns {Promise<Viewer>} once everything is there; it rejects when a file cannot be had
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
  Object.entries(COLOURS).forEach(([kind, colour]) => niivue.addColormap(`lgeqa-${kind}`, oneColour(colour)));
  const [images] = await Promise.all([
    Promise.all([load(volume, { colormap: "gray" }), ...overlays.map(loadOverlay)]),
    niivue.attachToCanvas(canvas),
  ]);
  const [low, high] = windowOf(images[0].img);
  Object.assign(images[0], { cal_min: low, cal_max: high, robust_min: low, robust_max: high });
  images.forEach((image) => niivue.addVolume(image));
  return new Viewer(niivue, canvas, overlays.map((overlay) => overlay.name));
}

class Viewer {
  #niivue;
  #canvas;
  #names;
  #callbacks = [];
  #told = -1;
  #swiped = 0;
  #listening = new AbortController();

  constructor(niivue, canvas, names) {
    this.#niivue = niivue;
    this.#canvas = canvas;
    this.#names = names;
    niivue.onLocationChange = () => this.#tell();
    this.#listen();
    this.view = "axial";
    this.slice = Math.floor(this.slices / 2);
  }

  /** Number of axial slices. */
  get slices() {
    return this.#niivue.volumes[0].dimsRAS[3];
  }

  /** Index of the axial slice on show, 0 the most inferior. */
  get slice() {
    return Math.round(this.#niivue.frac2vox(this.#niivue.scene.crosshairPos)[2]);
  }

  set slice(index) {
    const [x, y] = this.#niivue.frac2vox(this.#niivue.scene.crosshairPos);
    const z = Math.min(Math.max(index, 0), this.slices - 1);
    this.#niivue.scene.crosshairPos = this.#niivue.vox2frac([x, y, z]);
    this.#niivue.drawScene();
    this.#tell();
  }

  /** "axial" or "multiplanar". */
  get view() {
    return Object.keys(VIEWS).find((view) => VIEWS[view] === this.#niivue.opts.sliceType);
  }

  set view(view) {
    const leftButton = { primary: view === "axial" ? DRAG_MODE.none : DRAG_MODE.crosshair, withShift: DRAG_MODE.none };
    this.#niivue.setMouseEventConfig({ leftButton, rightButton: DRAG_MODE.pan, centerButton: DRAG_MODE.pan });
    this.#niivue.opts.crosshairWidth = view === "axial" ? 0 : 0.5;
    this.#niivue.setSliceType(VIEWS[view]);
    this.#drawMasks(view);
  }

  /** The signals that are drawn black and white. */
  get window() {
    const { cal_min: low, cal_max: high } = this.#niivue.volumes[0];
    return [low, high];
  }

  setWindow(low, high) {
    Object.assign(this.#niivue.volumes[0], { cal_min: low, cal_max: high });
    this.#niivue.updateGLVolume();
  }

  /** Show or hide an overlay; the opacity goes from 0 to 1. */
  showOverlay(name, on, opacity = 1) {
    const image = this.#niivue.volumes[this.#indexOf(name)];
    image.asked = on ? opacity : 0;
    this.#niivue.setOpacity(this.#indexOf(name), image.asked * this.#strengthOf(image));
  }

  /** Add one more overlay; as in `createViewer`. */
  async addOverlay(overlay) {
    this.#niivue.addVolume(await loadOverlay(overlay));
    this.#drawMasks(this.view);
    this.#names.push(overlay.name);
  }

  /** Show the heat map of another address in the place of an overlay. */
  async replaceHeat(name, url, opacity) {
    const image = await loadHeat(url, opacity);
    const index = this.#indexOf(name);
    this.#niivue.removeVolumeByIndex(index);
    this.#niivue.addVolume(image);
    this.#niivue.setVolume(image, index);
  }

  /** How many times as large as the whole field the picture is, 1 to 8; it grows around the crosshair. */
  get zoom() {
    return this.#niivue.scene.pan2Dxyzmm[3];
  }

  set zoom(zoom) {
    const bounded = Math.min(Math.max(zoom, 1), LARGEST_ZOOM);
    const shift = this.zoom - bounded;
    const at = this.#niivue.frac2mm(this.#niivue.scene.crosshairPos);
    const pan = this.#niivue.scene.pan2Dxyzmm.slice(0, 3).map((moved, axis) => moved + shift * at[axis]);
    this.#niivue.setPan2Dxyzmm(bounded === 1 ? [0, 0, 0, 1] : [...pan, bounded]);
  }

  /** Position of the slice on show along the patient's axis, LPS z in mm. */
  get position() {
    return this.#positionOf(this.slice);
  }

  /** Index of the slice nearest to a position along the patient's axis, LPS z in mm. */
  sliceAt(positionMm) {
    const distances = [...Array(this.slices).keys()].map((z) => Math.abs(this.#positionOf(z) - positionMm));
    return distances.indexOf(Math.min(...distances));
  }

  /** Call `callback` with the index of each slice that comes to be on show. */
  onSlice(callback) {
    this.#callbacks.push(callback);
  }

  /** Let go of the canvas and of the memory of the graphics card; a new viewer needs a new canvas. */
  destroy() {
    this.#listening.abort();
    this.#niivue.cleanup();
    this.#niivue.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  // The border of a mask is that on axial slices, which has gaps in other planes: there it is drawn filled and faint.
  #drawMasks(view) {
    for (const mask of this.#niivue.volumes.filter(({ border }) => border)) {
      mask.img = view === "axial" ? mask.border : mask.whole;
      mask.opacity = mask.asked * this.#strengthOf(mask);
    }
    this.#niivue.updateGLVolume();
  }

  #strengthOf(image) {
    return image.border && this.view !== "axial" ? FAINT : 1;
  }

  #positionOf(z) {
    return this.#niivue.frac2mm([0.5, 0.5, (z + 0.5) / this.slices], 0, true)[2];
  }

  #indexOf(name) {
    const index = this.#names.indexOf(name) + 1;
    if (!index) throw new RangeError(`No overlay is called ${name}; there are: ${this.#names.join(", ")}.`);
    return index;
  }

  #listen() {
    const { signal } = this.#listening;
    this.#canvas.style.touchAction = "none";
    Object.entries({ role: "slider", "aria-label": "Slice", "aria-valuemin": 1, "aria-valuemax": this.slices }).forEach(
      ([name, value]) => this.#canvas.setAttribute(name, value),
    );
    this.#canvas.addEventListener("keydown", (event) => this.#press(event), { capture: true, signal });
    this.#canvas.addEventListener("pointermove", (event) => this.#drag(event), { signal });
  }

  #tell() {
    const slice = this.slice;
    if (slice === this.#told) return;
    this.#told = slice;
    this.#canvas.setAttribute("aria-valuenow", slice + 1);
    this.#canvas.setAttribute("aria-valuetext", `${slice + 1} of ${this.slices} from below`);
    this.#callbacks.forEach((callback) => callback(slice));
  }

  // NiiVue's own keys turn things that these pages do not have, so none of them gets through.
  #press(event) {
    event.stopImmediatePropagation();
    const ends = { Home: 0, End: this.slices - 1 };
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in { ...STEPS, ...ends })) return;
    event.preventDefault();
    this.slice = ends[event.key] ?? this.slice + STEPS[event.key];
  }

  // Up or down by a share of the picture is as much of the stack, at least a slice for each two percent.
  #swipe(event) {
    this.#swiped += (-event.movementY / this.#canvas.clientHeight) * Math.max(this.slices, 50);
    const steps = Math.trunc(this.#swiped);
    this.#swiped -= steps;
    if (steps) this.slice += steps;
  }

  // Across for the width of the window, four times as much from edge to edge, and up for brighter.
  #drag(event) {
    if (event.buttons !== 1) return;
    if (event.pointerType === "touch" && this.view === "axial") return this.#swipe(event);
    if (event.shiftKey === (this.view === "axial")) return;
    const [low, high] = this.window;
    const across = event.movementX / this.#canvas.clientWidth;
    const down = event.movementY / this.#canvas.clientHeight;
    const level = (low + high) / 2 + down * (high - low);
    const half = ((high - low) / 2) * 2 ** (2 * across);
    this.setWindow(level - half, level + half);
  }
}

// From the darkest signal, leaving padding out, to all but the brightest 200th, of some of the voxels.
function windowOf(voxels) {
  const step = Math.max(1, Math.floor(voxels.length / SAMPLE));
  const some = Array.from({ length: Math.floor(voxels.length / step) }, (_, at) => voxels[at * step]).sort((a, b) => a - b);
  const darkest = some.find((value) => value > some[0]) ?? some[0];
  const image = some.filter((value) => value >= darkest);
  const [low, high] = [0.005, 0.995].map((share) => image[Math.floor(share * (image.length - 1))]);
  return high > low ? [low, high] : [some[0], some.at(-1)];
}

function oneColour([red, green, blue]) {
  return { R: [red, red], G: [green, green], B: [blue, blue], A: [0, 255], I: [0, 255] };
}

async function load(url, options) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(await reason(answer));
  return NVImage.loadFromUrl({ buffer: await answer.arrayBuffer(), url, name: "volume.nii.gz", ...options });
}

async function loadOverlay({ url, kind, opacity }) {
  if (kind === "heat") return loadHeat(url, opacity);
  const image = await load(url, { colormap: `lgeqa-${kind}`, opacity, cal_min: 0, cal_max: 1 });
  const [whole, border] = [image.img, borderOf(image)];
  return Object.assign(image, { whole, border, img: border, asked: opacity });
}

async function loadHeat(url, opacity) {
  const image = await load(url, { colormap: "lgeqa-for", colormapNegative: "lgeqa-against", opacity });
  const most = Math.max(Math.abs(image.global_min), Math.abs(image.global_max)) || 1;
  const [opaque, colormapType] = [OPAQUE_FROM * most, FADES_BELOW_MIN];
  return Object.assign(image, { colormapType, cal_min: opaque, cal_max: most, cal_minNeg: -most, cal_maxNeg: -opaque });
}

async function reason(answer) {
  const told = await answer.json().catch(() => ({}));
  return typeof told.detail === "string" ? told.detail : `The server answered ${answer.status}.`;
}

// What of a mask has a neighbour outside of it on the same slice.
function borderOf({ img: mask, hdr }) {
  const columns = hdr.dims[1];
  return mask.map((value, at) => (mask[at - 1] && mask[at + 1] && mask[at - columns] && mask[at + columns] ? 0 : value));
}
