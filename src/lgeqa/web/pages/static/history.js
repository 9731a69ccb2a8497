// How many scans came to which end over time, as a drawing and as a table.

import { draw, ENDS, make, plural, WORDS } from "./dom.js";

const HEIGHT = 120;
const STEP = 34;
const BAR = 22;

/** Show the periods, each with its `start` and its `counts`, in `place`. */
export function showHistory(place, periods) {
  if (!periods.length) {
    place.replaceChildren(make("p", {}, "Nothing is done yet."));
    return;
  }
  place.replaceChildren(legend(), chart(periods), make("details", {}, make("summary", {}, "As a table"), tableOf(periods)));
}

function total({ counts }) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function legend() {
  return make("ul", { className: "legend" }, ...ENDS.map((end) => make("li", { className: end }, WORDS[end])));
}

function chart(periods) {
  const most = Math.max(...periods.map(total));
  const width = periods.length * STEP;
  const words = `${plural(periods.length, "period")}, up to ${plural(most, "scan")} in one; the table below has the numbers.`;
  const attributes = { viewBox: `0 0 ${width} ${HEIGHT + 40}`, width, height: HEIGHT + 40, role: "img", "aria-label": words };
  const drawing = draw("svg", attributes, ...periods.flatMap((period, at) => column(period, at * STEP, HEIGHT / most)));
  return make("div", { className: "wide chart", tabIndex: 0, role: "region", "aria-label": "Chart of the history" }, drawing);
}

function column(period, left, scale) {
  const found = ENDS.filter((end) => period.counts[end]);
  let top = HEIGHT + 16;
  const bars = found.map((end) => {
    const height = period.counts[end] * scale;
    top -= height;
    const title = draw("title", {}, `${period.start}: ${period.counts[end]} ${WORDS[end]}`);
    return draw("rect", { class: `bar ${end}`, x: left + 6, y: top, width: BAR, height }, title);
  });
  const middle = left + 6 + BAR / 2;
  const [, month, day] = period.start.split("-");
  return [
    ...bars,
    draw("text", { x: middle, y: top - 4, "text-anchor": "middle" }, String(total(period))),
    draw("text", { x: middle, y: HEIGHT + 32, "text-anchor": "middle" }, `${Number(day)}.${Number(month)}.`),
  ];
}

function tableOf(periods) {
  const head = ["From", ...ENDS.map((end) => WORDS[end])].map((word) => make("th", { scope: "col" }, word));
  const rows = periods.map(({ start, counts }) =>
    make("tr", {}, make("th", { scope: "row" }, start), ...ENDS.map((end) => make("td", {}, String(counts[end] ?? 0)))),
  );
  return make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}
