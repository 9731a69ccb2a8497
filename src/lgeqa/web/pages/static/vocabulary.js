// Names that the server puts into each page: of the four scales, and of the outcomes and states of a scan.

import { find } from "./shared/dom.js";

/** @import { AuditEntry, ScanLine } from "lgeqa-api" */
/** @typedef {NonNullable<ScanLine["end"]>} Outcome */
/** @typedef {Exclude<ScanLine["state"], "done">} State */

/** @type {{ scales: Record<string, string>, outcomes: Record<Outcome, string>, states: Record<State, string>, reasons: string[], actions: Record<AuditEntry["action"], string> }} */
const vocabulary = JSON.parse(find("#vocabulary", HTMLScriptElement).text);

/** Title of each scale. */
export const SCALES = vocabulary.scales;

/** Name of each outcome of a scan. */
export const OUTCOMES = vocabulary.outcomes;

/** Name of each outcome of a scan, and of each state before it is done. */
export const KINDS = { ...vocabulary.states, ...vocabulary.outcomes };

/** Names of the scales in their order. */
export const SCALE_NAMES = Object.keys(SCALES);

/** Reasons for a rejection, in the order of their keys. */
export const REASONS = vocabulary.reasons;

/** Name of each action in the audit log. */
export const ACTIONS = vocabulary.actions;

/** Names of the attributes, which are the scales but quality. */
export const ATTRIBUTE_NAMES = SCALE_NAMES.filter((name) => name !== "quality");
