// The pictures of a scan, drawn on canvas, with outlines and heat maps over them.

import { overlayColour, overlayRgb } from "./shared/colours.js";
import { find, make } from "./shared/dom.js";
import { millimetres, signed } from "./shared/format.js";
import { sliceAfter, sliceStep } from "./shared/slice_keys.js";

/** @import { PictureWindows, ScanPictures } from "lgeqa-api" */
/** @import { Overlay } from "./shared/colours.js" */
/** @import { VoteStrip } from "./shared/vote_strip.js" */
/** @typedef {number[][]} HeatMap (row, column) */
/** @typedef {"outline" | "aorta" | "pools"} Outline */
const SWIPE_PIXELS = 16; // that a finger moves for a slice
const MAP_PIXELS = 48; // rows and columns that a map is drawn with, before the canvas smooths it
/** @type {Record<Outline, { overlay: Overlay, dashes: number[] }>} dashes in pixels of the large picture */
const OUTLINES = {
  outline: { overlay: "atrium", dashes: [] },
  aorta: { overlay: "aorta", dashes: [9, 5] },
  pools: { overlay: "pools", dashes: [2, 4] },
};

export class PictureViewer {
  #part;
  #slices;
  #pixels;
  #windows;
  #prepared;
  #strip;
  #node;
  #canvas;
  #fields;
  #thumbnails;
  /** @type {HTMLImageElement[]} as stored, in the wide window */
  #images = [];
  /** @type {HTMLCanvasElement[]} in the window that was chosen */
  #shades = [];
  /** @type {HTMLCanvasElement[]} the map of each slice for the chosen scale */
  #heats = [];
  #number = -1;
  #swiped = 0; // part of a slice

  /**
   * @param {HTMLDetailsElement} part part of the page about the scan
   * @param {ScanPictures} pictures
   * @param {VoteStrip | null} strip vote of the slices; null if there was none
   */
  constructor(part, pictures, strip) {
    this.#part = part;
    this.#slices = pictures.slices;
    this.#pixels = pictures.pixels;
    this.#windows = pictures.windows;
    this.#prepared = pictures.prepared;
    this.#strip = strip;
    const template = find("#viewer", HTMLTemplateElement).content;
    this.#node = find(".viewer", HTMLElement, /** @type {DocumentFragment} */ (template.cloneNode(true)));
    this.#canvas = find(".frame canvas", HTMLCanvasElement, this.#node);
    this.#fields = {
      slice: this.#input("slice"),
      outline: this.#input("outline"),
      others: this.#input("others"),
      heat: this.#input("heat"),
      numbers: this.#input("numbers"),
      opacity: this.#input("opacity"),
      window: find("[name=window]", HTMLSelectElement, this.#node),
      scale: find("[name=scale]", HTMLSelectElement, this.#node),
    };
    this.#find(".others").hidden = !this.#slices.some(({ aorta, pools }) => aorta.length || pools.length);
    this.#find(".heat").hidden = !this.#hasMaps;
    this.#find(".no-heat").hidden = this.#hasMaps || !strip; // without a vote there is nothing to explain
    this.#fields.slice.max = String(this.#slices.length - 1);
    this.#thumbnails = this.#slices.map((_, number) => this.#makeThumbnail(number));
    this.#find(".sheet").append(...this.#thumbnails);
    this.#listen();
  }

  /** Decode the pictures, and put the viewer into its part of the page. */
  async load() {
    this.#images = await Promise.all(this.#slices.map(({ jpeg }) => decode(jpeg)));
    this.#shade();
    find(".pictures", HTMLElement, this.#part).replaceChildren(this.#node);
    this.#number = Math.floor(this.#slices.length / 2);
    this.#drawAll();
    this.#part.dataset.ready = "";
  }

  /**
   * Show a slice in the large picture.
   *
   * @param {number} number
   */
  show(number) {
    this.#number = number;
    const caption = this.#captionOf(number);
    this.#fields.slice.value = String(number);
    this.#fields.slice.setAttribute("aria-valuetext", caption);
    this.#canvas.setAttribute("aria-label", caption);
    this.#find("figcaption").textContent = caption;
    this.#thumbnails.forEach((thumbnail, other) => thumbnail.setAttribute("aria-current", String(other === number)));
    this.#strip?.mark(number);
    this.#draw(this.#canvas, number);
    this.#writeNumbers();
  }

  get #hasMaps() {
    return this.#slices.every(({ maps }) => maps);
  }

  /** @param {string} selector */
  #find(selector) {
    return find(selector, HTMLElement, this.#node);
  }

  /** @param {string} name */
  #input(name) {
    return find(`[name=${name}]`, HTMLInputElement, this.#node);
  }

  /** @param {number} number */
  #makeThumbnail(number) {
    const caption = this.#captionOf(number);
    const canvas = make("canvas", { width: 128, height: 128 });
    const label = make("span", {}, String(this.#slices[number].index));
    const thumbnail = make("button", { type: "button", title: caption, "aria-label": caption }, canvas, label);
    if (this.#strip) thumbnail.classList.add(this.#strip.ups[number] ? "up" : "down");
    thumbnail.addEventListener("click", () => this.show(number));
    return thumbnail;
  }

  /**
   * Describe a slice. Its quality is known where there is a vote.
   *
   * @param {number} number
   */
  #captionOf(number) {
    const { index, position_mm } = this.#slices[number];
    return this.#strip?.captions[number] ?? `Slice ${index} at ${millimetres(position_mm)}`;
  }

  #listen() {
    const { slice, window, ...others } = this.#fields;
    slice.addEventListener("input", () => this.show(slice.valueAsNumber));
    window.addEventListener("input", () => this.#shade());
    window.addEventListener("input", () => this.#drawAll());
    for (const field of Object.values(others)) field.addEventListener("input", () => this.#drawAll());
    for (const button of this.#part.querySelectorAll(".to-slice")) {
      button.addEventListener("click", () => {
        this.show(Number(/** @type {HTMLElement} */ (button).dataset.slice));
        this.#canvas.scrollIntoView({ block: "nearest" });
      });
    }
    this.#part.addEventListener("keydown", (event) => this.#press(event));
    this.#canvas.addEventListener("wheel", (event) => this.#scroll(event), { passive: false });
    this.#canvas.addEventListener("pointermove", (event) => this.#swipe(event));
  }

  /**
   * Move through the slices by the wheel. At either end of the stack the page scrolls on.
   *
   * @param {WheelEvent} event
   */
  #scroll(event) {
    const number = sliceAfter(this.#number, -Math.sign(event.deltaY), this.#slices.length);
    if (event.ctrlKey || number === this.#number) return;
    event.preventDefault();
    this.show(number);
  }

  /**
   * Move through the slices by a finger that moves sideways. Up and down it scrolls the page.
   *
   * @param {PointerEvent} event
   */
  #swipe({ pointerType, movementX }) {
    if (pointerType !== "touch") return;
    this.#swiped += movementX / SWIPE_PIXELS;
    const steps = Math.trunc(this.#swiped);
    this.#swiped -= steps;
    if (steps) this.show(sliceAfter(this.#number, steps, this.#slices.length));
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const { target } = event;
    if (event.defaultPrevented || !["ArrowLeft", "ArrowRight"].includes(event.key) || !sliceStep(event)) return;
    if (!(target instanceof Element) || target.matches("input, select")) return;
    event.preventDefault();
    this.show(sliceAfter(this.#number, sliceStep(event), this.#slices.length));
    if (this.#thumbnails.some((thumbnail) => thumbnail === target)) this.#thumbnails[this.#number].focus();
  }

  #drawAll() {
    const heat = this.#find(".heat");
    heat.classList.toggle("off", !this.#fields.heat.checked);
    this.#find(".outlines").hidden = !this.#fields.others.checked;
    this.#find(".heat legend").textContent = `Heat map: ${this.#fields.scale.selectedOptions[0].text}`;
    if (this.#hasMaps) this.#drawHeats();
    this.#thumbnails.forEach((thumbnail, number) => this.#draw(find("canvas", HTMLCanvasElement, thumbnail), number));
    this.show(this.#number);
  }

  /** Give the pictures the window that was chosen. */
  #shade() {
    const name = /** @type {keyof PictureWindows} */ (this.#fields.window.value);
    this.#shades = this.#images.map((image) => shadeOf(image, this.#windows.wide, this.#windows[name]));
  }

  #drawHeats() {
    const maps = this.#slices.map((_, number) => this.#mapOf(number));
    const reach = Math.max(...maps.flat(2).map(Math.abs)) || 1;
    this.#heats = maps.map((map) => heatCanvas(map, reach));
    this.#find(".against").textContent = signed(-reach);
    this.#find(".for").textContent = signed(reach);
  }

  /**
   * Return the map of a slice for the chosen scale, in a scan with maps.
   *
   * @param {number} number
   */
  #mapOf(number) {
    const maps = /** @type {HeatMap[]} */ (this.#slices[number].maps);
    return maps[Number(this.#fields.scale.value)];
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} number
   */
  #draw(canvas, number) {
    const context = contextOf(canvas);
    const side = canvas.width;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.#shades[number], 0, 0, side, side);
    if (this.#hasMaps && this.#fields.heat.checked) this.#drawHeat(context, number);
    if (this.#fields.others.checked) {
      this.#drawOutline(context, number, "pools");
      this.#drawOutline(context, number, "aorta");
    }
    if (this.#fields.outline.checked) this.#drawOutline(context, number, "outline");
  }

  /**
   * Draw the map of a slice over what the network saw, and not over the frame around it.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {number} number
   */
  #drawHeat(context, number) {
    const side = context.canvas.width;
    const [left, top, right, bottom] = this.#prepared.map((place) => (place * side) / this.#pixels);
    context.save();
    context.beginPath();
    context.rect(left, top, right - left, bottom - top);
    context.clip();
    context.globalAlpha = this.#fields.opacity.valueAsNumber / 100;
    context.drawImage(this.#heats[number], 0, 0, side, side);
    context.restore();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} number
   * @param {Outline} name
   */
  #drawOutline(context, number, name) {
    const side = context.canvas.width;
    const path = pathOf(this.#slices[number][name], side / this.#pixels);
    const { overlay, dashes } = OUTLINES[name];
    context.lineJoin = "round";
    context.setLineDash(dashes.map((length) => (length * (side + 256)) / 768));
    for (const { colour, width } of [
      { colour: "#000a", width: 2.6 },
      { colour: overlayColour(overlay), width: 1.2 },
    ]) {
      context.strokeStyle = colour;
      context.lineWidth = (width * (side + 256)) / 512;
      context.stroke(path);
    }
    context.setLineDash([]);
  }

  #writeNumbers() {
    if (!this.#hasMaps) return;
    const cells = this.#find(".cells");
    cells.classList.toggle("mapped", this.#fields.heat.checked);
    cells.hidden = !(this.#fields.heat.checked && this.#fields.numbers.checked);
    const map = this.#mapOf(this.#number);
    cells.style.gridTemplateColumns = `repeat(${map[0].length}, 1fr)`;
    cells.replaceChildren(...map.flat().map((value) => make("span", {}, signed(value))));
  }
}

/** @param {string} jpeg in Base64 */
async function decode(jpeg) {
  const image = new Image();
  image.src = `data:image/jpeg;base64,${jpeg}`;
  await image.decode();
  return image;
}

/**
 * Return a picture in another window.
 *
 * @param {HTMLImageElement} image
 * @param {[number, number]} stored grey levels that are black and white in the picture
 * @param {[number, number]} wanted grey levels to draw black and white
 */
function shadeOf(image, [darkest, brightest], [black, white]) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const canvas = make("canvas", { width, height });
  const context = contextOf(canvas);
  context.drawImage(image, 0, 0);
  const step = (brightest - darkest) / 255;
  const levels = Uint8ClampedArray.from({ length: 256 }, (_, grey) =>
    // Black off the scan stays black.
    grey ? (255 * (darkest + grey * step - black)) / Math.max(white - black, 1e-6) : 0,
  );
  const pixels = context.getImageData(0, 0, width, height);
  for (let at = 0; at < pixels.data.length; at++) if (at % 4 !== 3) pixels.data[at] = levels[pixels.data[at]];
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** @param {HTMLCanvasElement} canvas */
function contextOf(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/**
 * Draw a map on a small canvas: clear at 0, full colour at `reach`.
 *
 * @param {HeatMap} map
 * @param {number} reach
 */
function heatCanvas(map, reach) {
  const canvas = make("canvas", { width: MAP_PIXELS, height: MAP_PIXELS });
  const context = contextOf(canvas);
  const image = context.createImageData(MAP_PIXELS, MAP_PIXELS);
  const [against, speaksFor] = [overlayRgb("heat-against"), overlayRgb("heat-for")];
  for (let pixel = 0; pixel < MAP_PIXELS * MAP_PIXELS; pixel++) {
    const value = valueAt(
      map,
      ((pixel % MAP_PIXELS) + 0.5) / MAP_PIXELS,
      (Math.floor(pixel / MAP_PIXELS) + 0.5) / MAP_PIXELS,
    );
    image.data.set([...(value < 0 ? against : speaksFor), (255 * Math.abs(value)) / reach], 4 * pixel);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Return the value of a map at a share (0 to 1) of the way across and down. Cell i of n is centred on i / n, as
 * `explain/heat.py` describes.
 *
 * @param {HeatMap} map
 * @param {number} across
 * @param {number} down
 */
function valueAt(map, across, down) {
  /** @type {(share: number, count: number) => [number, number, number]} */
  const place = (share, count) => {
    const at = Math.min(share * count, count - 1);
    const first = Math.floor(at);
    return [first, Math.min(first + 1, count - 1), at - first];
  };
  /** @type {(a: number, b: number, weight: number) => number} */
  const mix = (a, b, weight) => a + (b - a) * weight;
  const [top, bottom, y] = place(down, map.length);
  const [left, right, x] = place(across, map[0].length);
  return mix(mix(map[top][left], map[top][right], x), mix(map[bottom][left], map[bottom][right], x), y);
}

/**
 * @param {number[][]} outline closed polygons: x, y, x, y, ...
 * @param {number} factor
 */
function pathOf(outline, factor) {
  const path = new Path2D();
  for (const polygon of outline) {
    path.moveTo(polygon[0] * factor, polygon[1] * factor);
    for (let i = 2; i < polygon.length; i += 2) path.lineTo(polygon[i] * factor, polygon[i + 1] * factor);
    path.closePath();
  }
  return path;
}
