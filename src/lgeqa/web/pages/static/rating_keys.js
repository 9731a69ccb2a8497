// The keys of the pages on which scans are rated. They work wherever the focus is, except in a text that is being written.

import { sliceStep } from "./shared/slice_keys.js";

/** @import { VolumeStage } from "./volume_stage.js" */
/**
 * What keys do with the rating.
 *
 * @typedef {object} Actions
 * @property {() => void} save
 * @property {(score: number) => void} score takes 1 to 5
 * @property {() => void} leave goes back to the scales
 */
/** @typedef {Record<string, (() => void) | undefined>} Letters what other keys do */

/** @type {Record<string, number>} shifts of the window's level; up is brighter */
const SHIFTS = { ArrowUp: -0.05, ArrowDown: 0.05 };
/** @type {Record<string, number>} factors of the window's width */
const FACTORS = { ArrowLeft: 2 ** -0.25, ArrowRight: 2 ** 0.25 };
const TEXTS = "textarea, input:not([type])";
const NOTHING = () => {};

/**
 * Listen to the keys of the page.
 *
 * @param {VolumeStage} stage
 * @param {Actions} actions
 * @param {Letters} letters
 */
export function listenToKeys(stage, actions, letters) {
  const all = {
    "+": () => stage.enlarge(),
    "=": () => stage.enlarge(),
    "-": () => stage.enlarge(-1),
    w: () => stage.reset(),
    ...letters,
  };
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    const { target, ctrlKey, metaKey, altKey, isComposing } = event;
    if (ctrlKey || metaKey || altKey || isComposing || document.querySelector("dialog[open]")) return;
    if (!(target instanceof Element) || target.matches("select")) return;
    const action = target.matches(TEXTS)
      ? actionInText(event, actions)
      : actionOutside(event, target, stage, actions, all);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
  document.addEventListener("keydown", press, { capture: true });
}

/**
 * @param {KeyboardEvent} event
 * @param {Actions} actions
 */
function actionInText({ key, shiftKey, repeat }, { save, leave }) {
  if (key === "Escape") return leave;
  if (key !== "Enter" || shiftKey) return null;
  return repeat ? NOTHING : save;
}

/**
 * @param {KeyboardEvent} event
 * @param {Element} target
 * @param {VolumeStage} stage
 * @param {Actions} actions
 * @param {Letters} letters
 */
function actionOutside(event, target, stage, { save, score }, letters) {
  const { key, shiftKey, repeat } = event;
  if (key === "Enter" && target.matches("button:not(#save)")) return null;
  if (shiftKey && key.startsWith("Arrow")) return () => stage.changeWindow(SHIFTS[key] ?? 0, FACTORS[key] ?? 1);
  const step = sliceStep(event);
  if (step) return () => stage.turn(step);
  const action = actionOnce(key, save, score) ?? letters[key.toLowerCase()] ?? null;
  return action && repeat && !"+=-".includes(key) ? NOTHING : action;
}

/**
 * @param {string} key
 * @param {() => void} save
 * @param {(score: number) => void} score
 */
function actionOnce(key, save, score) {
  if (key === "Enter") return save;
  return "12345".includes(key) ? () => score(Number(key)) : undefined;
}
