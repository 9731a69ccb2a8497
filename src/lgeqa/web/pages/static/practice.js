// Practice before a study: the reader rates scans with known scores, and sees after each how far off they were.

import { ask, retryWhileOffline } from "./shared/http.js";
import { find, make } from "./shared/dom.js";
import { EMPTY, RatingForm } from "./rating_form.js";
import { listenToKeys } from "./rating_keys.js";
import { VolumeStage } from "./volume_stage.js";

/** @import { DefinedScale, PracticeFeedback, PracticeWorklist } from "lgeqa-api" */

const DIAGNOSTIC_FROM = 3;
const READING = "/read";
const save = find("#save", HTMLButtonElement);
const saveText = [...save.childNodes];
const stage = new VolumeStage((number) => `/api/practice/${number}/volume`);
const onOffline = () => (find("#error").textContent = "The server cannot be reached. Trying again.");

retryWhileOffline(() => ask("get", "/api/practice", {}), onOffline).then(start, fail);

/** @param {PracticeWorklist} practice */
function start({ study, reader, scans, scales }) {
  const form = new RatingForm(scales, () => {});
  const open = scans.filter(({ done }) => !done).map(({ number }) => number);
  let isRated = false;

  const next = () => {
    if (!open.length) return location.replace(READING);
    isRated = false;
    find("#scan").textContent = `Practice ${open[0]} of ${scans.length}`;
    find("#scales").inert = false;
    find("#feedback").replaceChildren();
    save.replaceChildren(...saveText);
    form.value = EMPTY;
    form.focus(scales[0].name);
    stage.show(open[0]).then((shown) => shown && open[1] && stage.prepare(open[1]));
  };

  const compare = async () => {
    if (save.disabled || !form.complete() || !form.rating.scores) return;
    const json = form.rating.scores;
    save.disabled = true;
    const attempt = () => ask("post", "/api/practice/{number}", { values: { number: open[0] }, json });
    const feedback = await retryWhileOffline(attempt, onOffline).catch(fail);
    save.disabled = false;
    if (!feedback) return;
    find("#error").textContent = "";
    isRated = true;
    open.shift();
    find("#scales").inert = true;
    showFeedback(feedback, scales);
    save.replaceChildren(open.length ? "Next practice scan " : "Start the study ", make("kbd", {}, "Enter"));
    save.focus();
  };

  const proceed = () => (isRated ? next() : compare());
  const examples = find("#large", HTMLDialogElement);
  listenToKeys(
    stage,
    { save: proceed, score: (score) => form.isOnScale && form.score(score), leave: () => form.focus() },
    { e: () => examples.showModal() },
  );
  find("#form").addEventListener("submit", (event) => {
    event.preventDefault();
    proceed();
  });
  find("#enlarge").addEventListener("click", () => examples.showModal());
  document.title = find("#who").textContent = `${study}, ${reader}`;
  find("#main").hidden = false;
  next();
}

/**
 * @param {PracticeFeedback} feedback
 * @param {DefinedScale[]} scales
 */
function showFeedback({ given, known, mean_distance }, scales) {
  const rows = scales.map(({ name, title }) => comparisonRow(title, given[name], known[name]));
  const head = ["Scale", "You", "Known", ""].map((text) => make("th", { scope: "col" }, text));
  find("#feedback").replaceChildren(
    make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)),
    make("p", {}, `Your mean distance from the known scores so far: ${mean_distance.toFixed(1)}.`),
  );
}

/**
 * @param {string} title
 * @param {number} given
 * @param {number | null} known
 */
function comparisonRow(title, given, known) {
  const isApart = known !== null && given >= DIAGNOSTIC_FROM !== known >= DIAGNOSTIC_FROM;
  const words = known === null ? "" : `${distanceOf(given - known)}${isApart ? ", other side of 3" : ""}`;
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, title),
    make("td", {}, String(given)),
    make("td", {}, known === null ? "unknown" : String(Math.round(10 * known) / 10)),
    make("td", isApart ? { class: "apart" } : {}, words),
  );
}

/** @param {number} difference */
function distanceOf(difference) {
  const rounded = Math.round(10 * difference) / 10;
  return rounded ? `${Math.abs(rounded)} too ${rounded > 0 ? "high" : "low"}` : "the same";
}

/**
 * @param {Error} error
 * @returns {undefined}
 */
function fail(error) {
  find("#error").textContent = error.message;
}
