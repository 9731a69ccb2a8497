// One study for its owner: readers and their links, how far they are, closing, and the ratings after it.

import { ask } from "./api.js";
import { make, moment } from "./dom.js";

const REFRESH_MS = 5000;
const COLUMNS = {
  scan: "Scan", patient: "Patient", reader: "Reader", reading: "Reading", myocardium_nulling: "Nulling", sharpness: "Sharpness",
  enhancement: "Enhancement", quality: "Quality", cannot_rate: "Cannot be rated", comment: "Comment", seconds: "Seconds",
};
const byId = (id) => document.getElementById(id);
const path = `/api/studies/${location.pathname.split("/").pop()}`;
let study;
let linked; // number of the reader whose link is shown
let adds = 0; // readers that were added on this page; the link of the last one is shown

byId("add").addEventListener("submit", (event) => (event.preventDefault(), add()));
byId("state").addEventListener("click", toggle);
byId("delete").addEventListener("click", deleteStudy);
byId("copy").addEventListener("click", copy);
byId("agreement").href = `${location.pathname}/agreement`;
document.querySelectorAll("#results a[download]").forEach((link) => (link.href = `${path}/export/${link.getAttribute("href")}`));
refresh();
setInterval(() => document.hidden || study?.closed_at || refresh(), REFRESH_MS);

async function refresh() {
  const found = await ask(path).catch(fail);
  if (found) show(found);
}

function show(found) {
  study = found;
  byId("fault").textContent = "";
  document.title = byId("name").textContent = study.name;
  const facts = {
    State: study.closed_at ? `closed on ${moment(study.closed_at)}` : "open",
    ...(study.reopened_at && { Reopened: `on ${moment(study.reopened_at)}, after the ratings could be seen` }),
    Scans: study.scans,
    "Shown twice": `${Math.round(100 * study.repeat_share)} %`,
    Seed: study.seed,
    Made: moment(study.made_at),
  };
  byId("facts").replaceChildren(...Object.entries(facts).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, `${value}`)]));
  byId("state").textContent = study.closed_at ? "Reopen the study" : "Close the study";
  byId("state-help").textContent = study.closed_at ? "Readers can go on then." : "Readers see nothing more then, and the ratings can be seen and exported.";
  byId("unrated").hidden = study.readers.some(({ rated, cannot_rate }) => rated + cannot_rate > 0);
  byId("readers").replaceChildren(...study.readers.map(reader));
  byId("add").hidden = Boolean(study.closed_at);
  byId("study").hidden = false;
  if (Boolean(study.closed_at) === byId("results").hidden) showRatings();
}

function reader({ number, name, readings, rated, cannot_rate }) {
  const done = rated + cannot_rate;
  const renew = make("button", { type: "button", "aria-label": `New link for ${name}` }, "New link");
  renew.addEventListener("click", () => renewLink(number, name));
  const remove = make("button", { type: "button", "aria-label": `Remove ${name}` }, "Remove");
  remove.addEventListener("click", () => removeReader(number, name));
  return make(
    "tr", {},
    make("th", { scope: "row" }, name),
    make("td", {}, make("progress", { value: done, max: readings, "aria-label": `Done by ${name}` }), ` ${done} of ${readings}`),
    make("td", { className: "number" }, `${rated}`),
    make("td", { className: "number" }, `${cannot_rate}`),
    make("td", {}, renew, ...(done ? [] : [" ", remove])),
  );
}

async function add() {
  const field = byId("reader");
  const name = field.value;
  const turn = ++adds;
  field.value = ""; // at once: the next name may be typed before the answer
  const made = await ask(`${path}/readers`, { method: "POST", json: { name } }).catch(fail);
  if (!made) return (field.value ||= name);
  await refresh();
  if (turn === adds) showLink(made);
}

async function renewLink(number, name) {
  if (!confirm(`Make a new link for ${name}? The old one will open nothing any more. Ratings stay.`)) return;
  const made = await ask(`${path}/readers/${number}/token`, { method: "POST" }).catch(fail);
  if (made) showLink(made);
}

async function removeReader(number, name) {
  if (!confirm(`Remove ${name}, who has rated nothing? The link will open nothing any more.`)) return;
  const found = await ask(`${path}/readers/${number}`, { method: "DELETE" }).catch(fail);
  if (!found) return;
  if (number === linked) byId("link").hidden = true;
  show(found);
}

async function deleteStudy() {
  if (!confirm("Delete the study, in which nobody has rated? Its links will open nothing any more.")) return;
  try {
    await ask(path, { method: "DELETE" });
    location.href = "/studies";
  } catch (fault) {
    fail(fault);
  }
}

function showLink({ number, name, token }) {
  linked = number;
  byId("whose").textContent = `The link of ${name}`;
  byId("address").value = `${location.origin}/read?token=${token}`;
  byId("link").hidden = false;
  if (!byId("reader").value) byId("address").select(); // who types the next name goes on
}

async function copy() {
  byId("address").select();
  await navigator.clipboard?.writeText(byId("address").value);
  byId("copy").textContent = navigator.clipboard ? "Copied" : "Press Ctrl+C";
}

async function toggle() {
  const question = study.closed_at
    ? "Reopen the study? It stays on record that its ratings could be seen before."
    : "Close the study? Readers can rate nothing more, and you see the ratings.";
  if (!confirm(question)) return;
  const found = await ask(`${path}/${study.closed_at ? "reopen" : "close"}`, { method: "POST" }).catch(fail);
  if (found) show(found);
}

async function showRatings() {
  byId("results").hidden = !study.closed_at;
  if (!study.closed_at) return byId("ratings").replaceChildren();
  const ratings = await ask(`${path}/ratings`).catch(fail);
  if (!ratings) return;
  byId("columns").replaceChildren(...Object.values(COLUMNS).map((title) => make("th", { scope: "col" }, title)));
  byId("ratings").replaceChildren(...ratings.map((rating) => make("tr", {}, ...Object.keys(COLUMNS).map((name) => make("td", {}, `${rating[name]}`)))));
}

function fail(fault) {
  byId("fault").textContent = fault.message;
}
