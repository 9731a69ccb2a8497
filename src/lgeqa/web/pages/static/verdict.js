// The verdict and the decisions on a scan, and what a user should know before trusting them.

import { find, make } from "./shared/dom.js";
import { KINDS, SCALES } from "./vocabulary.js";

/** @import { About, ScanLine } from "lgeqa-api" */
/** @import { Outcome, State } from "./vocabulary.js" */

/** Sign of each decision, so that none is known by its colour only. */
const SIGNS = { accept: "✓", review: "?", repeat: "↻", reject: "✗" };
const PAST = { accept: "accepted", reject: "rejected" };

/**
 * Return the outcome of a scan, or the state of one that is not done.
 *
 * @param {ScanLine} line
 */
export function kindOf(line) {
  return /** @type {Outcome | State} */ (line.end ?? line.state);
}

/**
 * Make the badges of a scan: its verdict or state, and its flags. A verdict that the decision does not follow, or beside
 * which an attribute fails, is not green.
 *
 * @param {ScanLine} line
 */
export function badges(line) {
  const kind = kindOf(line);
  const doubted = line.failing.length || (line.decision && line.decision !== "accept");
  const flags = line.flags.filter((flag) => flag !== "review" || !line.decision);
  const flagged = flags.flatMap((flag) => [" ", make("span", { className: `badge ${flag}` }, flag)]);
  return [
    make("span", { className: `badge ${kind}${doubted && kind === "diagnostic" ? " doubted" : ""}` }, KINDS[kind]),
    ...flagged,
  ];
}

/**
 * Make the badge of the model's decision. Empty if there is none. It is never green beside an attribute that fails.
 *
 * @param {ScanLine} line
 */
export function modelBadge({ decision, failing }) {
  if (!decision) return [];
  const colour = decision === "accept" && failing.length ? "review" : decision;
  return [make("span", { className: `badge decision decision-${colour}` }, `${SIGNS[decision]} ${decision}`)];
}

/**
 * Make the text on the attributes that a scan fails. Empty if there are none.
 *
 * @param {ScanLine} line
 */
export function failures({ failing }) {
  const attributes = failing.filter((title) => title !== SCALES.quality);
  return attributes.length
    ? [make("span", { className: "fails" }, `fails ${attributes.join(", ").toLowerCase()}`)]
    : [];
}

/**
 * Make the badge of a person's decision. Empty if there is none.
 *
 * @param {ScanLine} line
 */
export function humanBadge({ human }) {
  return human ? [make("span", { className: `badge human ${human}` }, `${SIGNS[human]} ${PAST[human]}`)] : [];
}

/**
 * Make the badge of an urgent scan. Empty if it is not.
 *
 * @param {ScanLine} line
 */
export function urgentBadge({ urgent }) {
  return urgent ? [make("span", { className: "badge urgent" }, "! urgent")] : [];
}

/**
 * Make all that is known of a scan in little room: urgent, the model's decision or else the state, and a person's.
 *
 * @param {ScanLine} line
 */
export function decisionBadges(line) {
  const model = line.decision ? modelBadge(line) : badges(line);
  return [...urgentBadge(line), ...model, ...failures(line), ...humanBadge(line)];
}

/**
 * Show what a user should know before trusting a verdict.
 *
 * @param {About} about
 */
export function showCaution({ caution }) {
  find("#caution").textContent = caution;
  find("#caution").hidden = !caution;
}
