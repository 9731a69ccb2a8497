// One scan on which readers differ: the rating of each, side by side with the scan, and the consensus.

import { ask, newId, retryWhileOffline } from "./shared/http.js";
import { find, make } from "./shared/dom.js";
import { moment } from "./shared/format.js";
import { RatingForm } from "./rating_form.js";
import { listenToKeys } from "./rating_keys.js";
import { VolumeStage } from "./volume_stage.js";

/** @import { ConsensusRating, DefinedScale, AdjudicationDetail, ReaderRating } from "lgeqa-api" */

const [, studyPage, studyId, number] = location.pathname.match(/^(\/studies\/(\d+))\/adjudication\/(\d+)$/) ?? [];
const stage = new VolumeStage(() => `/api${studyPage}/adjudication/${number}/volume`);
const values = { study_id: Number(studyId), number: Number(number) };
const list = find("#list", HTMLAnchorElement);
const next = find("#next", HTMLAnchorElement);
const saveButton = find("#save", HTMLButtonElement);
const panel = find("#panel", HTMLInputElement);

list.href = `${studyPage}/agreement`;
ask("get", "/api/studies/{study_id}/adjudication/{number}", { values }).then(start, fail);

/** @param {AdjudicationDetail} scan */
async function start(scan) {
  document.title = find("#scan").textContent = `Adjudicate ${scan.scan_id}`;
  const form = new RatingForm(scan.scales, () => {});
  const consensuses = [...scan.agreed];
  showRatings(scan);
  showConsensuses(consensuses, scan.scales, form);
  find("#form").addEventListener("submit", (event) => {
    event.preventDefault();
    save(consensuses, scan.scales, form);
  });
  const examples = find("#large", HTMLDialogElement);
  const cannotBox = find("#cannot", HTMLInputElement);
  listenToKeys(
    stage,
    {
      save: () => save(consensuses, scan.scales, form),
      score: (score) => form.isOnScale && form.score(score),
      leave: () => form.focus(),
    },
    {
      c: () => find("#comment").focus(),
      e: () => examples.showModal(),
      x: () => form.setCannotRate(!cannotBox.checked),
    },
  );
  find("#enlarge").addEventListener("click", () => examples.showModal());
  find("#main").hidden = false;
  form.focus(scan.scales[0].name);
  await Promise.all([stage.show(values.number), showPlace()]);
}

// The scan and its ratings -------------------------------------------------------------------------------------------

/** @param {AdjudicationDetail} scan */
function showRatings({ said: ratings, scales, apart }) {
  const titles = ["Reader", ...scales.map(({ title }) => title), "Cannot be rated"];
  const head = titles.map((title) => make("th", { scope: "col" }, title));
  const rows = ratings.flatMap((rating) => [ratingRow(rating, scales, apart), ...commentRows(rating, scales)]);
  find("#ratings").replaceChildren(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

/**
 * @param {ReaderRating} rating
 * @param {DefinedScale[]} scales
 * @param {string[]} apart scales on which the readers differ too much
 */
function ratingRow({ reader, reading, scores, cannot_rate }, scales, apart) {
  const cells = scales.map(({ name }) => {
    const score = scores?.[name];
    return make("td", score && apart.includes(name) ? { class: "apart" } : {}, String(score ?? ""));
  });
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, reading === 1 ? reader : `${reader}, again`),
    ...cells,
    make("td", cannot_rate ? { class: "apart reason" } : {}, cannot_rate),
  );
}

/**
 * @param {ReaderRating} rating
 * @param {DefinedScale[]} scales
 */
function commentRows({ comment }, scales) {
  return comment
    ? [make("tr", {}, make("td"), make("td", { colspan: scales.length + 1, class: "comment" }, comment))]
    : [];
}

/**
 * @param {ConsensusRating[]} consensuses
 * @param {DefinedScale[]} scales
 * @param {RatingForm} form
 */
function showConsensuses(consensuses, scales, form) {
  const last = consensuses.at(-1);
  if (last) {
    form.value = { scores: last.scores, cannot_rate: last.cannot_rate || null, comment: last.comment };
    panel.value = last.panel;
    find("#status").textContent = `Agreed on ${moment(last.saved_at)}`;
  }
  find("#history").replaceChildren(...consensuses.map((consensus) => make("li", {}, textOf(consensus, scales))));
  find("#earlier").hidden = !consensuses.length;
}

/**
 * @param {ConsensusRating} consensus
 * @param {DefinedScale[]} scales
 */
function textOf({ scores, cannot_rate, comment, panel: people, saved_at }, scales) {
  const result = scores
    ? scales.map(({ name, title }) => `${title} ${scores[name]}`).join(", ")
    : `cannot be rated: ${cannot_rate}`;
  return [`${moment(saved_at)}: ${result}`, people && `by ${people}`, comment].filter(Boolean).join("; ");
}

async function showPlace() {
  const scans = await ask("get", "/api/studies/{study_id}/adjudication", { values }).catch(fail);
  if (!scans) return;
  const at = scans.findIndex((scan) => scan.number === values.number);
  find("#place-in-list").textContent = at < 0 ? "not among the scans to adjudicate" : `${at + 1} of ${scans.length}`;
  const open = scans.filter((scan) => !scan.agreed && scan.number !== values.number);
  const following = open.find((scan) => scans.indexOf(scan) > at) ?? open.at(0);
  next.hidden = !following;
  if (following) next.href = `${studyPage}/adjudication/${following.number}`;
}

// Saving -------------------------------------------------------------------------------------------------------------

/**
 * Send the consensus until the server answers, under one id, so that it is stored once.
 *
 * @param {ConsensusRating[]} consensuses
 * @param {DefinedScale[]} scales
 * @param {RatingForm} form
 */
async function save(consensuses, scales, form) {
  if (saveButton.disabled || !form.complete()) return;
  const json = { ...form.rating, panel: panel.value.trim(), known: consensuses.length, save_id: newId() };
  saveButton.disabled = true;
  const attempt = () => ask("post", "/api/studies/{study_id}/adjudication/{number}", { values, json });
  const onOffline = () => (find("#error").textContent = "Not saved yet: the server cannot be reached. Trying again.");
  const saved = await retryWhileOffline(attempt, onOffline).catch(fail);
  saveButton.disabled = false;
  if (!saved) return;
  find("#error").textContent = "";
  consensuses.push(saved);
  showConsensuses(consensuses, scales, form);
  await showPlace();
  (next.hidden ? list : next).focus();
}

/**
 * @param {Error} error
 * @returns {undefined}
 */
function fail(error) {
  find("#error").textContent = error.message;
}
