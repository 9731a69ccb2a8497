// The page of all scans: adding scans, the state of the queue, and the results.

import { addressOf, ApiError, ask, readJson, retryWhileOffline, wait } from "./shared/http.js";
import { find, make } from "./shared/dom.js";
import { plural } from "./shared/format.js";
import { showHistory } from "./history.js";
import { ListFilters } from "./list_filters.js";
import { Mosaic } from "./mosaic.js";
import { ScanList } from "./scan_list.js";
import { filesIn, filesOf, send, uploadsOf } from "./upload.js";
import { showCaution } from "./verdict.js";
import { KINDS } from "./vocabulary.js";

/** @import { Added, Period, ScanList as ListAnswer } from "lgeqa-api" */
/** @import { PathedFile, Upload } from "./upload.js" */
/** @typedef {{ say: (text: string, ...more: Node[]) => void, refuse: (reason: string) => void }} Note */

const BUSY_MS = 1000;
const IDLE_MS = 2000;
const PAGE_SIZE = 50;
/** Pictures of the mosaic that are added when a person has scrolled to its end. */
const MOSAIC_STEP = 200;

const list = new ScanList(find("#scans", HTMLTableElement), refreshChoice);
const mosaic = new Mosaic(find("#mosaic"));
const filters = new ListFilters(changeFilters);
const period = find("#by", HTMLSelectElement);
const question = find("#sure", HTMLDialogElement);
let page = 1;
let mosaicSize = MOSAIC_STEP;
/** @type {{ address: string, version: string } | null} the list on the page */
let shown = null;
/** @type {string | null} */
let historyVersion = null;
let busy = false;
/** Whether other scans are wanted since the last request. */
let stale = false;
let endWait = () => {};
let sending = Promise.resolve();
let unsent = 0;

// Adding scans -------------------------------------------------------------------------------------------------------

/** @param {PathedFile[]} files */
function upload(files) {
  for (const part of uploadsOf(files)) {
    const note = addNote(part.name);
    unsent += 1;
    sending = sending.then(() => deliver(part, note)).finally(() => (unsent -= 1));
  }
}

/**
 * @param {Upload} part
 * @param {Note} note
 */
async function deliver(part, note) {
  const bar = make("progress", { max: 1, value: 0, "aria-label": `Sending ${part.name}` });
  note.say("sending", bar);
  const onOffline = () => note.say("no connection; it is sent again as soon as there is one");
  await settle(note, () => send(part, (share) => (bar.value = share), onOffline));
}

/** @param {SubmitEvent} event */
async function openFolder(event) {
  event.preventDefault();
  const button = find("#folder button", HTMLButtonElement);
  if (button.disabled) return;
  button.disabled = true;
  const path = find("#path", HTMLInputElement).value.trim();
  const note = addNote(path);
  note.say("looking for scans");
  const attempt = () => ask("post", "/api/folders", { json: { path } });
  await settle(note, () => retryWhileOffline(attempt, () => note.say("no connection; trying again")));
  button.disabled = false;
}

/**
 * @param {Note} note
 * @param {() => Promise<Added>} attempt
 */
async function settle(note, attempt) {
  try {
    const { scans, refused } = await attempt();
    note.say(scans.length === 1 ? "in the list" : `${plural(scans.length, "scan")} in the list`);
    refused.forEach((reason) => note.refuse(reason));
    wake();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    note.say("refused");
    note.refuse(error.message);
  }
}

/**
 * @param {string} name
 * @returns {Note}
 */
function addNote(name) {
  const status = make("span", { role: "status" });
  const close = make(
    "button",
    { type: "button", title: "Remove this line", "aria-label": `Remove the line of ${name}` },
    "×",
  );
  const item = make("li", {}, make("b", {}, name), " ", status, " ", close);
  close.addEventListener("click", () => item.remove());
  find("#uploads").append(item);
  return {
    say: (text, ...more) => status.replaceChildren(text, " ", ...more),
    refuse: (reason) => item.append(make("p", { className: "refused", role: "alert" }, reason)),
  };
}

// The list -----------------------------------------------------------------------------------------------------------

async function load() {
  const query = filters.ordered;
  query.set("page", String(page));
  query.set("size", String(pageSize()));
  const address = `${addressOf("/api/scans", {})}?${query}`;
  const known = shown?.address === address ? { "If-None-Match": `"${shown.version}"` } : undefined;
  /** @type {ListAnswer | null} */
  const answer = await readJson(await fetch(address, { headers: known }));
  if (!answer) return;
  shown = { address, version: answer.version };
  show(answer);
}

function pageSize() {
  return filters.isMosaic ? mosaicSize : PAGE_SIZE;
}

/** @param {ListAnswer} answer */
function show({ scans, total, counts, version, queue_fault: stopped }) {
  list.show(filters.isMosaic ? [] : scans, String(filters.ordered), filters.group);
  mosaic.show(filters.isMosaic ? scans : [], String(filters.ordered));
  find("#table").hidden = filters.isMosaic;
  find("#mosaic").hidden = !filters.isMosaic;
  find("#stuck").hidden = !stopped;
  say("#stuck", stopped && `The queue has stopped. ${stopped}`);
  const { queued = 0, working = 0, ...outcomes } = counts;
  const done = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const all = queued + working + done;
  find("#queue").hidden = !(queued + working);
  Object.assign(find("#done", HTMLProgressElement), { max: all || 1, value: done });
  const progress = [
    `${plural(done, "scan")} done`,
    working && `${working} ${KINDS.working}`,
    queued && `${queued} ${KINDS.queued}`,
  ];
  say("#progress", progress.filter(Boolean).join(", "));
  const pages = Math.max(1, Math.ceil(total / pageSize()));
  find("#none").hidden = total > 0;
  say("#none", all ? "No scan fits the filters." : "No scans yet. Drop some above.");
  find("#pages").hidden = pages === 1 || filters.isMosaic;
  find("#more").hidden = pages === 1 || !filters.isMosaic;
  say("#place", `Page ${page} of ${pages}`);
  find("#back", HTMLButtonElement).disabled = page === 1;
  find("#on", HTMLButtonElement).disabled = page >= pages;
  find("#actions").hidden = total === 0;
  if (page > pages) turn(pages - page);
  refreshChoice();
  if (version !== historyVersion) refreshHistory();
  historyVersion = version;
  busy = queued + working > 0 && !filters.isMosaic;
}

/**
 * Set a text, unless it is the same: a status is read out whenever its text is set.
 *
 * @param {string} selector
 * @param {string} text
 */
function say(selector, text) {
  if (find(selector).textContent !== text) find(selector).textContent = text;
}

async function follow() {
  for (;;) {
    stale = false;
    try {
      await load();
      find("#lost").hidden = true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return location.reload();
      find("#lost").hidden = error instanceof ApiError;
    }
    /** @type {Promise<void>} */
    const woken = new Promise((resolve) => (endWait = resolve));
    if (!stale) await Promise.race([wait(busy ? BUSY_MS : IDLE_MS), woken]);
  }
}

function wake() {
  stale = true;
  endWait();
}

function growMosaic() {
  mosaicSize += MOSAIC_STEP;
  wake();
}

/** @param {number} pages */
function turn(pages) {
  page += pages;
  wake();
}

function changeFilters() {
  page = 1;
  mosaicSize = MOSAIC_STEP;
  wake();
}

// The chosen scans ---------------------------------------------------------------------------------------------------

function refreshChoice() {
  const { chosen } = list;
  say("#chosen", chosen.length ? `${plural(chosen.length, "scan")} chosen:` : "All that fit the filters:");
  for (const selector of ["#again", "#delete"]) find(selector, HTMLButtonElement).disabled = !chosen.length;
  const query = chosen.length ? new URLSearchParams(chosen.map((id) => ["id", String(id)])) : filters.query;
  for (const link of document.querySelectorAll("a[data-export]")) {
    link.setAttribute("href", `${link.getAttribute("data-export")}?${query}`);
  }
}

/** @param {(values: { number: number }) => Promise<unknown>} change */
async function forEachChosen(change) {
  await Promise.allSettled(list.chosen.map((number) => retryWhileOffline(() => change({ number }))));
  list.choose(false);
  wake();
}

function askToDelete() {
  find("#sure-text").textContent =
    `Delete ${plural(list.chosen.length, "scan")} with all results? Uploaded files are deleted too. Files in a folder on the ` +
    "server's machine are not.";
  question.showModal();
}

// --------------------------------------------------------------------------------------------------------------------

async function refreshHistory() {
  const query = filters.query;
  query.set("by", period.value);
  /** @type {Period[]} */
  const periods = await readJson(await fetch(`${addressOf("/api/history", {})}?${query}`)).catch(() => []);
  showHistory(find("#history"), periods);
}

async function showAbout() {
  const about = await retryWhileOffline(() => ask("get", "/api/about", {}));
  const { lgeqa, bundle, intended_use } = about;
  showCaution(about);
  for (const selector of ["#groups", "#headers"]) find(selector).hidden = !about.headers;
  find("#about").textContent = `lgeqa ${lgeqa}, bundle ${bundle.name} ${bundle.version}. ${intended_use}`;
}

const dropArea = find("#drop");
for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    dropArea.classList.add("over");
  });
}
addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || dropArea.classList.remove("over"));
addEventListener("drop", async (event) => {
  event.preventDefault();
  dropArea.classList.remove("over");
  if (event.dataTransfer) upload(await filesOf(event.dataTransfer));
});
for (const selector of ["#files", "#tree"]) {
  const input = find(selector, HTMLInputElement);
  input.addEventListener("change", () => {
    upload(filesIn(input));
    input.value = "";
  });
}
addEventListener("beforeunload", (event) => unsent && event.preventDefault());
find("#folder", HTMLFormElement).addEventListener("submit", openFolder);
find("#back").addEventListener("click", () => turn(-1));
find("#more").addEventListener("click", growMosaic);
new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && growMosaic(), { rootMargin: "50%" }).observe(
  find("#more"),
);
find("#on").addEventListener("click", () => turn(1));
find("#all", HTMLInputElement).addEventListener("change", () => list.choose(find("#all", HTMLInputElement).checked));
find("#again").addEventListener("click", () =>
  forEachChosen((values) => ask("post", "/api/scans/{number}/assessments", { values })),
);
find("#delete").addEventListener("click", askToDelete);
question.addEventListener("close", () => {
  if (question.returnValue === "yes") forEachChosen((values) => ask("delete", "/api/scans/{number}", { values }));
});
period.addEventListener("change", refreshHistory);
showAbout();
follow();
