// One study for its owner: its readers, their links and progress, closing, and the ratings after it.

import { ask } from "./shared/http.js";
import { arrange, find, make } from "./shared/dom.js";
import { moment, plural } from "./shared/format.js";
import { fillTable, makeSortable } from "./shared/table.js";
import { confirmed } from "./confirmation.js";
import { SCALE_NAMES, SCALES } from "./vocabulary.js";

/** @import { Progress, ReaderLink, StudyView } from "lgeqa-api" */
/** @typedef {Record<string, unknown>} RatingRow a row of `ratings.csv` */

const REFRESH_MS = 5000;
const values = { study_id: Number(location.pathname.split("/").at(-1)) };
const nameField = find("#reader", HTMLInputElement);
const linkField = find("#address", HTMLInputElement);
/** @type {StudyView | null} */
let study = null;
/** @type {Map<string, HTMLTableRowElement>} rows of the readers, each by what it shows */
let rows = new Map();
let linkedReader = -1; // number of the reader whose link is shown
let additions = 0; // readers that were added on this page; the link of the last one is shown

find("#add").addEventListener("submit", (event) => {
  event.preventDefault();
  addReader();
});
find("#state").addEventListener("click", () => study && toggle(study));
find("#delete").addEventListener("click", deleteStudy);
find("#copy").addEventListener("click", copy);
find("#agreement", HTMLAnchorElement).href = `${location.pathname}/agreement`;
for (const link of document.querySelectorAll("#results a[download]")) {
  link.setAttribute("href", `/api${location.pathname}/export/${link.getAttribute("href")}`);
}
refresh();
setInterval(() => document.hidden || study?.closed_at || refresh(), REFRESH_MS);

async function refresh() {
  const answer = await ask("get", "/api/studies/{study_id}", { values }).catch(fail);
  if (answer) show(answer);
}

/** @param {StudyView} current */
function show(current) {
  study = current;
  const { name, closed_at, reopened_at, scans, practice_scans, repeat_share, seed, made_at, readers } = current;
  find("#error").textContent = "";
  document.title = find("#name").textContent = name;
  const facts = {
    State: closed_at ? `closed on ${moment(closed_at)}` : "open",
    ...(reopened_at && { Reopened: `on ${moment(reopened_at)}, after the ratings could be seen` }),
    Scans: String(scans),
    ...(practice_scans && { Practice: `${plural(practice_scans, "scan")} before the study` }),
    "Shown twice": `${Math.round(100 * repeat_share)} %`,
    Seed: String(seed),
    Made: moment(made_at),
  };
  find("#facts").replaceChildren(
    ...Object.entries(facts).flatMap(([term, fact]) => [make("dt", {}, term), make("dd", {}, fact)]),
  );
  find("#state").textContent = closed_at ? "Reopen the study" : "Close the study";
  find("#state-help").textContent = closed_at
    ? "Readers can then continue."
    : "Readers then see nothing more, and the ratings can be seen and exported.";
  find("#unrated").hidden = readers.some(({ rated, cannot_rate }) => rated + cannot_rate > 0);
  find("#practised").hidden = !practice_scans;
  const keys = readers.map((reader) => JSON.stringify(reader));
  rows = new Map(keys.map((key, at) => [key, rows.get(key) ?? readerRow(readers[at], practice_scans)]));
  arrange(find("#readers"), [...rows.values()]);
  find("#add").hidden = Boolean(closed_at);
  find("#study").hidden = false;
  if (Boolean(closed_at) === find("#results").hidden) showRatings(Boolean(closed_at));
}

/**
 * @param {Progress} reader
 * @param {number} practiceScans
 */
function readerRow({ number, name, readings, rated, cannot_rate, practised, practice_distance }, practiceScans) {
  const done = rated + cannot_rate;
  const distance = practice_distance === null ? "" : `, ${practice_distance.toFixed(1)} off`;
  const buttons = [
    linkButton("Show link", `Show the link of ${name}`, () => showReaderLink(number)),
    linkButton("New link", `New link for ${name}`, () => renewLink(number, name)),
    ...(done ? [] : [linkButton("Remove", `Remove ${name}`, () => removeReader(number, name))]),
  ];
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, name),
    practiceScans ? make("td", {}, `${practised} of ${practiceScans}${distance}`) : null,
    make(
      "td",
      {},
      make("progress", { value: done, max: readings, "aria-label": `Done by ${name}` }),
      ` ${done} of ${readings}`,
    ),
    make("td", { className: "number" }, String(rated)),
    make("td", { className: "number" }, String(cannot_rate)),
    make("td", { className: "links" }, ...buttons),
  );
}

/**
 * @param {string} text
 * @param {string} label
 * @param {() => void} onClick
 */
function linkButton(text, label, onClick) {
  const button = make("button", { type: "button", "aria-label": label }, text);
  button.addEventListener("click", onClick);
  return button;
}

async function addReader() {
  const name = nameField.value;
  additions += 1;
  const addition = additions;
  nameField.value = ""; // at once: the next name may be typed before the answer
  const link = await ask("post", "/api/studies/{study_id}/readers", { values, json: { name } }).catch(fail);
  if (!link) {
    nameField.value ||= name;
    return;
  }
  await refresh();
  if (addition === additions) showLink(link);
}

/** @param {number} number */
async function showReaderLink(number) {
  const path = "/api/studies/{study_id}/readers/{number}/token";
  const link = await ask("get", path, { values: { ...values, number } }).catch(fail);
  if (link) showLink(link);
}

/**
 * @param {number} number
 * @param {string} name
 */
async function renewLink(number, name) {
  const question = `Make a new link for ${name}? The old link will stop working. Ratings stay.`;
  if (!(await confirmed(question, "Make a new link"))) return;
  const path = "/api/studies/{study_id}/readers/{number}/token";
  const link = await ask("post", path, { values: { ...values, number } }).catch(fail);
  if (link) showLink(link);
}

/**
 * @param {number} number
 * @param {string} name
 */
async function removeReader(number, name) {
  if (!(await confirmed(`Remove ${name}, who has rated nothing? The link will stop working.`, "Remove"))) return;
  const path = "/api/studies/{study_id}/readers/{number}";
  const answer = await ask("delete", path, { values: { ...values, number } }).catch(fail);
  if (!answer) return;
  if (number === linkedReader) find("#link").hidden = true;
  show(answer);
}

async function deleteStudy() {
  const question = "Delete the study, in which nobody has rated? Its links will stop working.";
  if (!(await confirmed(question, "Delete the study"))) return;
  try {
    await ask("delete", "/api/studies/{study_id}", { values });
    location.assign("/studies");
  } catch (error) {
    fail(/** @type {Error} */ (error));
  }
}

/** @param {ReaderLink} link */
function showLink({ number, name, token }) {
  linkedReader = number;
  find("#whose").textContent = `The link of ${name}`;
  linkField.value = `${location.origin}/enter#token=${token}`;
  find("#error").textContent = "";
  find("#link").hidden = false;
  if (!nameField.value) linkField.select(); // else the next name is being typed
}

async function copy() {
  linkField.select();
  await navigator.clipboard?.writeText(linkField.value);
  find("#copy").textContent = navigator.clipboard ? "Copied" : "Press Ctrl+C";
}

/** @param {StudyView} current */
async function toggle({ closed_at }) {
  const question = closed_at
    ? "Reopen the study? It stays on record that its ratings could be seen before."
    : "Close the study? Readers can rate nothing more, and you see the ratings.";
  if (!(await confirmed(question, closed_at ? "Reopen the study" : "Close the study"))) return;
  const path = closed_at ? "/api/studies/{study_id}/reopen" : "/api/studies/{study_id}/close";
  const answer = await ask("post", path, { values }).catch(fail);
  if (answer) show(answer);
}

/** @param {boolean} closed */
async function showRatings(closed) {
  const table = find("#ratings", HTMLTableElement);
  find("#results").hidden = !closed;
  table.replaceChildren();
  if (!closed) return;
  const ratings = await ask("get", "/api/studies/{study_id}/ratings", { values }).catch(fail);
  if (!ratings) return;
  fillTable(table, ratingColumns(), ratings);
  makeSortable(table);
}

/** Return the columns of the table of ratings. */
function ratingColumns() {
  const titles = {
    scan: "Scan",
    patient: "Patient",
    reader: "Reader",
    reading: "Reading",
    ...Object.fromEntries(SCALE_NAMES.map((name) => [name, SCALES[name]])),
    cannot_rate: "Cannot be rated",
    comment: "Comment",
    seconds: "Seconds",
  };
  /** @type {Record<string, (row: RatingRow) => string>} */
  const columns = {};
  for (const [name, title] of Object.entries(titles)) columns[title] = (row) => String(row[name]);
  return columns;
}

/**
 * @param {Error} error
 * @returns {undefined}
 */
function fail(error) {
  find("#error").textContent = error.message;
}
