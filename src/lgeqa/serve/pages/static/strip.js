// The vote of the slices, drawn along the patient's axis.

import { draw, share } from "./dom.js";

/**
 * Draw the strip of an assessed scan.
 *
 * @param {object} result its record
 * @param {function(object)} onPick called with a slice that was clicked
 * @returns {{element: SVGElement, mark: function(object|undefined)}} and a way to mark the slice on show
 */
export function stripOf({ slices, threshold, votes_diagnostic: yes, votes_total: total }, onPick) {
  const gaps = slices.slice(1).map((slice, at) => slice.position_mm - slices[at].position_mm);
  const step = Math.min(...gaps, Infinity) === Infinity ? 1 : Math.min(...gaps);
  const place = ({ position_mm: mm }) => (mm - slices[0].position_mm) / step;
  const length = place(slices.at(-1)) + 1;
  const middle = 1 - threshold;
  const here = draw("rect", { class: "here", y: 0, width: 1, height: 1, visibility: "hidden" });
  const bars = slices.flatMap((slice) => barsOf(slice, place(slice), middle, () => onPick(slice)));
  const line = draw("line", { x1: 0, x2: length, y1: middle, y2: middle, "stroke-width": 0.01 });
  const words = `${yes} of ${total} slices are above the threshold of ${threshold}.`;
  const attributes = { class: "strip", viewBox: `0 0 ${length} 1`, preserveAspectRatio: "none", role: "img", "aria-label": words };
  const mark = (slice) => {
    here.setAttribute("visibility", slice ? "visible" : "hidden");
    if (slice) here.setAttribute("x", place(slice));
  };
  return { element: draw("svg", attributes, ...bars, line, here), mark };
}

function barsOf({ index, p_quality: quality }, x, middle, onPick) {
  const level = 1 - quality;
  const y = Math.min(level, middle);
  const title = draw("title", {}, `Slice ${index}: quality ${share(quality)}`);
  const height = Math.max(Math.abs(level - middle), 0.02);
  const bar = draw("rect", { class: level <= middle ? "yes" : "no", x, y, width: 1, height });
  const target = draw("rect", { x, y: 0, width: 1, height: 1, fill: "transparent" }, title);
  target.addEventListener("click", onPick);
  return [bar, target];
}
