// The page of all scans: what is given, how the queue stands, and what came of it.

import { ask, Refused, untilHeard, waitFor } from "./api.js";
import { make, one, plural, showCaution } from "./dom.js";
import { showHistory } from "./history.js";
import { Table } from "./table.js";
import { filesIn, filesOf, send, uploadsOf } from "./upload.js";

const BUSY_MS = 250;
const IDLE_MS = 2000;

const table = new Table(one("#scans"), refreshChoice);
const filters = one("#filters");
let page = 1;
let tag = null;
let version = null;
let wake = () => {};
let sending = Promise.resolve();
let unsent = 0;

// What was given -----------------------------------------------------------------------------------------------------

function give(files) {
  for (const upload of uploadsOf(files)) {
    const note = addNote(upload.name);
    unsent += 1;
    sending = sending.then(() => deliver(upload, note)).finally(() => (unsent -= 1));
  }
}

async function deliver(upload, note) {
  const bar = make("progress", { max: 1, value: 0, "aria-label": `Sending ${upload.name}` });
  note.say("sending", bar);
  await settle(note, () =>
    send(upload, {
      onProgress: (sent) => (bar.value = sent),
      onLost: () => note.say("no connection; it is sent again as soon as there is one"),
    }),
  );
}

async function openFolder(event) {
  event.preventDefault();
  const button = one("#folder button");
  if (button.disabled) return;
  button.disabled = true;
  const path = one("#path").value.trim();
  const note = addNote(path);
  note.say("looking for scans");
  await settle(note, () =>
    untilHeard(() => ask("/api/folders", { method: "POST", json: { path } }), () => note.say("no connection; trying again")),
  );
  button.disabled = false;
}

async function settle(note, attempt) {
  try {
    const { scans, refused } = await attempt();
    note.say(scans.length === 1 ? "in the list" : `${plural(scans.length, "scan")} in the list`);
    refused.forEach((reason) => note.refuse(reason));
    wake();
  } catch (fault) {
    if (!(fault instanceof Refused)) throw fault;
    note.say("refused");
    note.refuse(fault.message);
  }
}

function addNote(name) {
  const words = make("span", { className: "words", role: "status" });
  const close = make("button", { type: "button", title: "Take this line away" }, "×");
  close.setAttribute("aria-label", `Take the line of ${name} away`);
  const item = make("li", {}, make("b", {}, name), " ", words, " ", close);
  close.onclick = () => item.remove();
  one("#uploads").append(item);
  return {
    say: (text, ...more) => words.replaceChildren(text, " ", ...more),
    refuse: (reason) => item.append(make("p", { className: "refused", role: "alert" }, reason)),
  };
}

// The list -----------------------------------------------------------------------------------------------------------

function chosenFilters() {
  const { text, kind, since, until } = Object.fromEntries(new FormData(filters));
  const query = new URLSearchParams(kind);
  for (const [name, value] of Object.entries({ text, since, until })) if (value) query.set(name, value);
  return query;
}

async function load() {
  const query = chosenFilters();
  const [sort, descending] = filters.elements.sort.value.split(":");
  Object.entries({ sort, descending, page }).forEach(([name, value]) => query.set(name, value));
  const address = `/api/scans?${query}`;
  const known = tag?.address === address ? { "If-None-Match": `"${tag.version}"` } : {};
  const list = await ask(address, { headers: known });
  if (list) {
    tag = { address, version: list.version };
    show(list);
  }
}

function show({ scans, total, counts, version: current, queue_fault: stuck }) {
  table.show(scans);
  one("#stuck").hidden = !stuck;
  say("#stuck", stuck && `The queue stands still. ${stuck}`);
  const { queued = 0, working = 0, ...ends } = counts;
  const done = Object.values(ends).reduce((sum, count) => sum + count, 0);
  const all = queued + working + done;
  one("#queue").hidden = !(queued + working);
  Object.assign(one("#done"), { max: all || 1, value: done });
  const standing = [`${plural(done, "scan")} done`, working && `${working} in work`, queued && `${queued} waiting`];
  say("#standing", standing.filter(Boolean).join(", "));
  const size = 50;
  const pages = Math.max(1, Math.ceil(total / size));
  one("#none").hidden = total > 0;
  say("#none", all ? "No scan fits the filters." : "No scans yet. Drop some above.");
  one("#pages").hidden = pages === 1;
  say("#place", `Page ${page} of ${pages}`);
  one("#back").disabled = page === 1;
  one("#on").disabled = page >= pages;
  one("#actions").hidden = total === 0;
  if (page > pages) turn(pages - page);
  refreshChoice();
  if (current !== version) refreshHistory();
  version = current;
  busy = queued + working > 0;
}

// A status is read out when its text is set, even to the same.
function say(selector, text) {
  if (one(selector).textContent !== text) one(selector).textContent = text;
}

let busy = false;

async function follow() {
  for (;;) {
    try {
      await load();
      one("#lost").hidden = true;
    } catch (fault) {
      if (fault instanceof Refused && fault.status === 401) return location.reload();
      one("#lost").hidden = fault instanceof Refused;
    }
    await Promise.race([waitFor(busy ? BUSY_MS : IDLE_MS), new Promise((resolve) => (wake = resolve))]);
  }
}

function turn(pages) {
  page += pages;
  wake();
}

function changeFilters() {
  page = 1;
  wake();
}

// The chosen ones ----------------------------------------------------------------------------------------------------

function refreshChoice() {
  const chosen = table.chosen;
  say("#chosen", chosen.length ? `${plural(chosen.length, "scan")} chosen:` : "All that fit the filters:");
  one("#again").disabled = one("#delete").disabled = !chosen.length;
  const query = chosen.length ? new URLSearchParams(chosen.map((id) => ["id", id])) : chosenFilters();
  document.querySelectorAll("[data-export]").forEach((link) => (link.href = `${link.dataset.export}?${query}`));
}

async function forEachChosen(change) {
  await Promise.allSettled(table.chosen.map((id) => untilHeard(() => change(`/api/scans/${id}`))));
  table.choose(false);
  wake();
}

function askToDelete() {
  one("#sure-text").textContent = `Delete ${plural(table.chosen.length, "scan")} with all results? Files that were sent are deleted too; files on the server's disk stay.`;
  one("#sure").showModal();
}

// ---------------------------------------------------------------------------------------------------------------------

async function refreshHistory() {
  const query = chosenFilters();
  query.set("by", one("#by").value);
  showHistory(one("#history"), await ask(`/api/history?${query}`).catch(() => []));
}

async function showAbout() {
  const about = await untilHeard(() => ask("/api/about"));
  const { lgeqa, bundle, intended_use } = about;
  showCaution(about);
  one("#about").textContent = `lgeqa ${lgeqa}, bundle ${bundle.name} ${bundle.version}. ${intended_use}`;
}

const drop = one("#drop");
for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  give(await filesOf(event.dataTransfer));
});
for (const input of [one("#files"), one("#tree")]) {
  input.addEventListener("change", () => {
    give(filesIn(input));
    input.value = "";
  });
}
addEventListener("beforeunload", (event) => unsent && event.preventDefault());
one("#folder").addEventListener("submit", openFolder);
filters.addEventListener("input", changeFilters);
filters.addEventListener("submit", (event) => event.preventDefault());
one("#back").addEventListener("click", () => turn(-1));
one("#on").addEventListener("click", () => turn(1));
one("#all").addEventListener("change", (event) => table.choose(event.target.checked));
one("#again").addEventListener("click", () => forEachChosen((path) => ask(`${path}/assessments`, { method: "POST" })));
one("#delete").addEventListener("click", askToDelete);
one("#sure").addEventListener("close", (event) => {
  if (event.target.returnValue === "yes") forEachChosen((path) => ask(path, { method: "DELETE" }));
});
one("#by").addEventListener("change", refreshHistory);
showAbout();
follow();
