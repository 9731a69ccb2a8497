// The number of scans with each outcome over time, as a drawing and as a table.

import { draw, make } from "./shared/dom.js";
import { plural } from "./shared/format.js";
import { fillTable } from "./shared/table.js";
import { OUTCOMES } from "./vocabulary.js";

/** @import { Period } from "lgeqa-api" */
/** @import { Outcome } from "./vocabulary.js" */

const HEIGHT = 120;
const STEP = 34;
const BAR = 22;
const NAMES = /** @type {Outcome[]} */ (Object.keys(OUTCOMES));

/**
 * Show the periods.
 *
 * @param {HTMLElement} place
 * @param {Period[]} periods
 */
export function showHistory(place, periods) {
  if (!periods.length) {
    place.replaceChildren(make("p", {}, "No scan is done yet."));
    return;
  }
  place.replaceChildren(
    legend(),
    chart(periods),
    make("details", {}, make("summary", {}, "As a table"), tableOf(periods)),
  );
}

/** @param {Period} period */
function total({ counts }) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function legend() {
  return make(
    "ul",
    { className: "legend" },
    ...NAMES.map((outcome) => make("li", { className: outcome }, OUTCOMES[outcome])),
  );
}

/** @param {Period[]} periods */
function chart(periods) {
  const most = Math.max(...periods.map(total));
  const width = periods.length * STEP;
  const height = HEIGHT + 40;
  const label = `${plural(periods.length, "period")}, up to ${plural(most, "scan")} in one. The table below has the numbers.`;
  const attributes = { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label };
  const drawing = draw("svg", attributes, ...periods.flatMap((period, at) => column(period, at * STEP, HEIGHT / most)));
  return make(
    "div",
    { className: "wide chart", tabIndex: 0, role: "region", "aria-label": "Chart of the history" },
    drawing,
  );
}

/**
 * @param {Period} period
 * @param {number} left
 * @param {number} scale height of one scan
 */
function column(period, left, scale) {
  let top = HEIGHT + 16;
  const bars = NAMES.filter((outcome) => period.counts[outcome]).map((outcome) => {
    const count = period.counts[outcome] ?? 0;
    const height = count * scale;
    top -= height;
    const title = draw("title", {}, `${period.start}: ${count} ${OUTCOMES[outcome]}`);
    return draw("rect", { class: `bar ${outcome}`, x: left + 6, y: top, width: BAR, height }, title);
  });
  const middle = left + 6 + BAR / 2;
  const [, month, day] = period.start.split("-");
  return [
    ...bars,
    draw("text", { x: middle, y: top - 4, "text-anchor": "middle" }, String(total(period))),
    draw("text", { x: middle, y: HEIGHT + 32, "text-anchor": "middle" }, `${Number(day)}.${Number(month)}.`),
  ];
}

/** @param {Period[]} periods */
function tableOf(periods) {
  const table = make("table");
  /** @type {Record<string, (period: Period) => string>} */
  const columns = { From: ({ start }) => start };
  for (const outcome of NAMES) columns[OUTCOMES[outcome]] = ({ counts }) => String(counts[outcome] ?? 0);
  fillTable(table, columns, periods);
  return table;
}
