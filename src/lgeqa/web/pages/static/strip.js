// The vote of the slices, drawn along the patient's axis.

import { draw, share } from "./dom.js";

/**
 * Draw the strip of an assessed scan.
 *
 * @param {object} result its record
 * @param {object[]} bars where the bar of each slice lies: lengths along the strip in slices, across it in hundredths
 * @param {function(object)} onPick called with a slice that was clicked, or that an arrow key moved to
 * @returns {{element: SVGElement, mark: function(object|undefined)}} and a way to mark the slice on show
 */
export function stripOf({ slices, threshold, votes_diagnostic: yes, votes_total: total }, bars, onPick) {
  const starts = new Map(bars.map(({ number, start }) => [slices[number].index, start]));
  const length = bars.at(-1).start + 1;
  const middle = 1 - threshold;
  const here = draw("rect", { class: "here", y: 0, width: 1, height: 1, visibility: "hidden" });
  const drawn = bars.flatMap((bar) => barOf(bar, slices[bar.number], () => onPick(slices[bar.number])));
  const line = draw("line", { x1: 0, x2: length, y1: middle, y2: middle, "stroke-width": 0.01 });
  const words = `${yes} of ${total} slices are above the threshold of ${threshold}.`;
  const attributes = {
    class: "strip", viewBox: `0 0 ${length} 1`, preserveAspectRatio: "none", tabindex: 0, role: "slider", "aria-label": words,
    "aria-valuemin": 1, "aria-valuemax": bars.length, "aria-valuenow": 1,
  };
  const element = draw("svg", attributes, ...drawn, line, here);
  let marked = 0; // place among the bars
  const mark = (slice) => {
    here.setAttribute("visibility", slice ? "visible" : "hidden");
    if (!slice) return;
    marked = bars.findIndex(({ number }) => slices[number].index === slice.index);
    here.setAttribute("x", starts.get(slice.index));
    element.setAttribute("aria-valuenow", marked + 1);
    element.setAttribute("aria-valuetext", `Slice ${slice.index}, quality ${share(slice.p_quality)}`);
  };
  element.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: marked - 1, ArrowDown: marked - 1, ArrowRight: marked + 1, ArrowUp: marked + 1, Home: 0, End: bars.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (bars[to]) onPick(slices[bars[to].number]);
  });
  return { element, mark };
}

function barOf({ start: x, top, height, up }, { index, p_quality: quality }, onPick) {
  const title = draw("title", {}, `Slice ${index}: quality ${share(quality)}`);
  const bar = draw("rect", { class: up ? "yes" : "no", x, y: top / 100, width: 1, height: Math.max(height / 100, 0.02) });
  const target = draw("rect", { x, y: 0, width: 1, height: 1, fill: "transparent" }, title);
  target.addEventListener("click", onPick);
  return [bar, target];
}
