// One scan on which readers differ: the rating of each, side by side with the scan, and the consensus.

import { ask, newId, retryWhileOffline } from "./shared/http.js";
import { find, make } from "./shared/dom.js";
import { moment } from "./shared/format.js";
import { RatingForm } from "./rating_form.js";
import { connectSlider, stageVolume } from "./volume_stage.js";

/** @import { ConsensusRating, DefinedScale, GivenScores, AdjudicationDetail, ReaderRating } from "lgeqa-api" */
/** @import { ScaleName } from "./vocabulary.js" */

const APART_FROM = 2;
const DIAGNOSTIC_FROM = 3;
const [, studyPage, studyId, number] = location.pathname.match(/^(\/studies\/(\d+))\/adjudication\/(\d+)$/) ?? [];
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
  find("#scales").addEventListener("keydown", ({ key }) => "12345".includes(key) && form.score(Number(key)));
  find("#enlarge").addEventListener("click", () => find("#large", HTMLDialogElement).showModal());
  find("#main").hidden = false;
  form.focus(scan.scales[0].name);
  await Promise.all([showVolume(), showPlace()]);
}

// The scan and its ratings -------------------------------------------------------------------------------------------

/** @param {AdjudicationDetail} scan */
function showRatings({ said: ratings, scales }) {
  const firsts = ratings.filter(({ reading }) => reading === 1).flatMap(({ scores }) => (scores ? [scores] : []));
  const head = ["Reader", ...scales.map(({ title }) => title)].map((title) => make("th", { scope: "col" }, title));
  const rows = ratings.flatMap((rating) => [ratingRow(rating, scales, firsts), ...commentRows(rating, scales)]);
  find("#ratings").replaceChildren(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

/**
 * @param {ReaderRating} rating
 * @param {DefinedScale[]} scales
 * @param {GivenScores[]} firsts scores of all first readings
 */
function ratingRow({ reader, reading, scores, cannot_rate }, scales, firsts) {
  const name = make("th", { scope: "row" }, reading === 1 ? reader : `${reader}, again`);
  if (!scores)
    return make(
      "tr",
      {},
      name,
      make("td", { colspan: scales.length, class: "apart" }, `cannot be rated: ${cannot_rate}`),
    );
  const cells = scales.map((scale) => {
    const scaleName = /** @type {ScaleName} */ (scale.name);
    return make("td", areApart(scaleName, firsts) ? { class: "apart" } : {}, String(scores[scaleName]));
  });
  return make("tr", {}, name, ...cells);
}

/**
 * @param {ReaderRating} rating
 * @param {DefinedScale[]} scales
 */
function commentRows({ comment }, scales) {
  return comment ? [make("tr", {}, make("td"), make("td", { colspan: scales.length, class: "comment" }, comment))] : [];
}

/**
 * Return whether the first readings differ on a scale so much that the scan has to be adjudicated.
 *
 * @param {ScaleName} name
 * @param {GivenScores[]} firsts
 */
function areApart(name, firsts) {
  const scores = firsts.map((ratings) => ratings[name]);
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  return high - low >= APART_FROM || (name === "quality" && low < DIAGNOSTIC_FROM && high >= DIAGNOSTIC_FROM);
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
    ? scales.map(({ name, title }) => `${title} ${scores[/** @type {ScaleName} */ (name)]}`).join(", ")
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

async function showVolume() {
  try {
    const { viewer } = await stageVolume(`/api${studyPage}/adjudication/${number}/volume`);
    connectSlider(viewer);
  } catch (error) {
    find("#loading").textContent = error instanceof Error ? error.message : String(error);
  }
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
