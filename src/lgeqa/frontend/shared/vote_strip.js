// The vote of the slices, drawn along the patient's axis.

import { draw, make } from "./dom.js";
import { millimetres, probabilityText } from "./format.js";
import { sliceAfter, sliceStep } from "./slice_keys.js";

/** @import { Bar, ScanResult, SliceScores } from "lgeqa-api" */
/** @typedef {Pick<SliceScores, "index" | "position_mm" | "p_quality" | "weight">} VotingSlice */
/** @typedef {Pick<ScanResult, "threshold" | "votes_diagnostic" | "votes_total"> & { tie?: boolean | null, slices: VotingSlice[] }} Vote */

/**
 * The strip of an assessed scan.
 *
 * @typedef {object} VoteStrip
 * @property {HTMLElement} element
 * @property {string[]} captions description of each slice
 * @property {boolean[]} ups whether each slice votes diagnostic
 * @property {(number: number) => void} mark mark the slice of this number, or none for -1
 */

/**
 * Draw the strip of an assessed scan.
 *
 * @param {Vote} vote record of the scan
 * @param {Bar[]} bars a bar for each slice: lengths along the strip in slices, across it in hundredths
 * @param {(number: number) => void} onPick called with the number of a slice that was clicked or chosen by a key
 * @returns {VoteStrip}
 */
export function voteStrip(vote, bars, onPick) {
  const { slices, votes_diagnostic: votes, votes_total: total } = vote;
  const threshold = vote.threshold ?? 0;
  const ends = [slices[0], slices[slices.length - 1]].map(({ position_mm }) => millimetres(position_mm));
  const captions = bars.map(({ up, number }) => captionOf(slices[number], up));
  const length = bars[bars.length - 1].start + 1;
  const level = rounded(100 * (1 - threshold));
  const here = draw("rect", { class: "here", x: 0, y: 0, width: 1, height: 100 });
  const picture = draw(
    "svg",
    {
      class: "votes",
      viewBox: `0 0 ${rounded(length)} 100`,
      preserveAspectRatio: "none",
      tabindex: 0,
      role: "slider",
      "aria-label": `${votes} of ${total} slices are diagnostic, from ${ends.join(" to ")}`,
      "aria-valuemin": 1,
      "aria-valuemax": bars.length,
      "aria-valuenow": 1,
    },
    here,
    ...bars.map((bar) => barOf(bar, captions[bar.number], onPick)),
    draw("line", { x1: 0, x2: rounded(length), y1: level, y2: level }),
  );
  let marked = -1;
  /** @param {number} number */
  const mark = (number) => {
    here.setAttribute("visibility", number < 0 ? "hidden" : "visible");
    if (number < 0) return;
    marked = number;
    here.setAttribute("x", String(rounded(bars[number].start)));
    picture.setAttribute("aria-valuenow", String(number + 1));
    picture.setAttribute("aria-valuetext", captions[number]);
  };
  mark(-1);
  picture.addEventListener("keydown", (event) => {
    const step = sliceStep(event);
    if (!step) return;
    event.preventDefault();
    onPick(sliceAfter(Math.max(marked, 0), step, bars.length));
  });
  const element = make(
    "figure",
    { className: "strip" },
    make("figcaption", {}, explanationOf(threshold, vote)),
    axis(threshold, level),
    picture,
    make("p", { className: "ends" }, endOf("inferior", ends[0]), endOf("superior", ends[1])),
  );
  return { element, captions, ups: bars.map(({ up }) => up), mark };
}

/**
 * @param {VotingSlice} slice
 * @param {boolean} up
 */
function captionOf({ index, position_mm, p_quality, weight }, up) {
  const share = typeof weight === "number" ? `, weight ${Math.round(100 * weight)} %` : "";
  return `Slice ${index} at ${millimetres(position_mm)}: quality ${probabilityText(p_quality)}, ${up ? "diagnostic" : "non-diagnostic"}${share}`;
}

/**
 * @param {number} threshold
 * @param {Vote} vote
 */
function explanationOf(threshold, { tie, slices }) {
  const text =
    "Vote along the patient's axis: probability of quality of each slice. Filled and upwards from the threshold of " +
    `${threshold}: diagnostic. Hollow and downwards: non-diagnostic.`;
  if (typeof slices[0].weight === "number")
    return `${text} The verdict follows the probability of the scan, in which each slice counts by its weight.`;
  return tie ? `${text} Even: a tie.` : text;
}

/**
 * @param {number} threshold
 * @param {number} level place of the threshold, in hundredths from the top
 */
function axis(threshold, level) {
  /** @type {(value: number, place: number) => SVGTextElement} */
  const label = (value, place) => draw("text", { x: "100%", y: `${place}%` }, String(value));
  return draw("svg", { class: "axis", "aria-hidden": "true" }, label(1, 0), label(threshold, level), label(0, 100));
}

/**
 * @param {Bar} bar
 * @param {string} caption
 * @param {(number: number) => void} onPick
 */
function barOf({ number, start, top, height, up }, caption, onPick) {
  const group = draw(
    "g",
    { class: up ? "up" : "down" },
    draw("title", {}, caption),
    draw("rect", { class: "target", x: rounded(start), y: 0, width: 1, height: 100 }),
    draw("rect", {
      class: "bar",
      x: rounded(start + 0.15),
      y: rounded(top),
      width: 0.7,
      height: rounded(Math.max(height, 1)),
    }),
  );
  group.addEventListener("click", () => onPick(number));
  return group;
}

/**
 * @param {string} name
 * @param {string} position
 */
function endOf(name, position) {
  return make("span", {}, name, make("br"), position);
}

/** @param {number} value */
function rounded(value) {
  return Math.round(1000 * value) / 1000;
}
