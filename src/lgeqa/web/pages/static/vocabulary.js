// Names that the server puts into each page: of the four scales, and of the outcomes and states of a scan.

import { find } from "./shared/dom.js";

/** @import { ScanLine } from "lgeqa-api" */
/** @typedef {"myocardium_nulling" | "sharpness" | "enhancement" | "quality"} ScaleName */
/** @typedef {NonNullable<ScanLine["end"]>} Outcome */
/** @typedef {Exclude<ScanLine["state"], "done">} State */

/** @type {{ scales: Record<ScaleName, string>, outcomes: Record<Outcome, string>, states: Record<State, string> }} */
const vocabulary = JSON.parse(find("#vocabulary", HTMLScriptElement).text);

/** Title of each scale. */
export const SCALES = vocabulary.scales;

/** Name of each outcome of a scan. */
export const OUTCOMES = vocabulary.outcomes;

/** Name of each outcome of a scan, and of each state before it is done. */
export const KINDS = { ...vocabulary.states, ...vocabulary.outcomes };

/** Names of the scales in their order. */
export const SCALE_NAMES = /** @type {ScaleName[]} */ (Object.keys(SCALES));
