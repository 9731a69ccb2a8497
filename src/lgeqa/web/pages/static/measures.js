// The image quality measures of a scan, each with its place among the reference scans as a strip plot.

import { draw, make } from "./shared/dom.js";

/** @import { MeasureView, StripView } from "lgeqa-api" */

const DIRECTIONS = { higher: "better →", lower: "← better", neither: "" };
const DOT = "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1-5 0Z";
const DIAMOND = "M0-6L6 0L0 6L-6 0Z";
/** @type {Record<number, string>} */
const TRIANGLES = { [-1]: "M-5 0L4-6V6Z", 1: "M5 0L-4-6V6Z" };

/**
 * Make the row of one measure.
 *
 * @param {MeasureView} measure
 */
export function measureRow(measure) {
  const { title, text, poor, meaning, if_poor: ifPoor, definition } = measure;
  const details = make(
    "details",
    {},
    make("summary", {}, "Definition"),
    make("p", { className: "definition" }, definition),
  );
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, title),
    make(
      "td",
      { className: "number" },
      text,
      ...(poor ? [" ", make("span", { className: "badge poor" }, "poor")] : []),
    ),
    make("td", {}, ...placeOf(measure)),
    make("td", {}, meaning, ...(poor ? [" ", make("b", {}, ifPoor)] : []), details),
  );
}

/** @param {MeasureView} measure */
function placeOf({ title, text, place, poor, better, reason, strip }) {
  if (!strip) return [`undefined: ${reason}`];
  const note = make("span", { className: "place" }, make("span", {}, place), " ", make("span", {}, DIRECTIONS[better]));
  return [stripPlot(strip, poor, `${title} ${text}: ${place}`), note];
}

/**
 * @param {StripView} strip
 * @param {boolean} poor
 * @param {string} title
 */
function stripPlot({ at, beyond, ticks, band: [low, high], median }, poor, title) {
  /** @type {(className: string, x: number, y1: string, y2: string) => SVGLineElement} */
  const across = (className, x, y1, y2) => draw("line", { class: className, x1: `${x}%`, x2: `${x}%`, y1, y2 });
  const shape = TRIANGLES[beyond] ?? (poor ? DIAMOND : DOT);
  const mark = draw("path", { class: poor ? "mark poor" : "mark", d: shape });
  return draw(
    "svg",
    { class: "spread", role: "img" },
    draw("title", {}, title),
    draw("line", { class: "base", x1: 0, x2: "100%", y1: "50%", y2: "50%" }),
    draw("rect", { class: "band", x: `${low}%`, y: "20%", width: `${high - low}%`, height: "60%" }),
    ...ticks.map((tick) => across("tick", tick, "35%", "65%")),
    across("median", median, "15%", "85%"),
    draw("svg", { x: `${at}%`, y: "50%", overflow: "visible" }, mark),
  );
}
