// The verdict of a scan, and what a user should know before trusting it.

import { find, make } from "./shared/dom.js";
import { KINDS } from "./vocabulary.js";

/** @import { About, ScanLine } from "lgeqa-api" */
/** @import { Outcome, State } from "./vocabulary.js" */

/**
 * Return the outcome of a scan, or the state of one that is not done.
 *
 * @param {ScanLine} line
 */
export function kindOf(line) {
  return /** @type {Outcome | State} */ (line.end ?? line.state);
}

/**
 * Make the badges of a scan: its verdict or state, and its flags.
 *
 * @param {ScanLine} line
 */
export function badges(line) {
  const kind = kindOf(line);
  const flags = line.flags.flatMap((flag) => [" ", make("span", { className: `badge ${flag}` }, flag)]);
  return [make("span", { className: `badge ${kind}` }, KINDS[kind]), ...flags];
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
