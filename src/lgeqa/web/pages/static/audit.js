// The audit log, filtered and page by page.

import { find, make } from "./shared/dom.js";
import { moment } from "./shared/format.js";
import { readJson, retryWhileOffline } from "./shared/http.js";
import { ACTIONS } from "./vocabulary.js";

/** @import { AuditEntry, AuditPage } from "lgeqa-api" */

const SIZE = 100;
const form = find("#filters", HTMLFormElement);
let page = 1;

async function refresh() {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) query.set(name, String(value));
  find("#export", HTMLAnchorElement).href = `/api/audit.csv?${query}`;
  const asked = page;
  query.set("page", String(page));
  query.set("size", String(SIZE));
  const attempt = async () => readJson(await fetch(`/api/audit?${query}`));
  try {
    /** @type {AuditPage} */
    const answer = await retryWhileOffline(attempt, () => complain("No connection to the server. Trying again."));
    if (asked === page) show(answer);
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
  }
}

/** @param {AuditPage} answer */
function show({ entries, total }) {
  const last = Math.max(1, Math.ceil(total / SIZE));
  find("#lost").hidden = true;
  find("#entries tbody").replaceChildren(...entries.map(row));
  find("#place").textContent = `Page ${page} of ${last}, ${total} in all`;
  find("#back", HTMLButtonElement).disabled = page <= 1;
  find("#on", HTMLButtonElement).disabled = page >= last;
}

/** @param {AuditEntry} entry */
function row({ at, person, action, scan_id, scan_name, detail }) {
  const scan = scan_id === null ? "" : make("a", { href: `/scans/${scan_id}` }, scan_name);
  const cells = [moment(at), person, ACTIONS[action], scan, detail];
  return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
}

/** @param {string} text */
function complain(text) {
  find("#lost").textContent = text;
  find("#lost").hidden = false;
}

/** @param {number} step */
function turn(step) {
  page += step;
  refresh();
}

form.addEventListener("input", () => {
  page = 1;
  refresh();
});
form.addEventListener("submit", (event) => event.preventDefault());
find("#back").addEventListener("click", () => turn(-1));
find("#on").addEventListener("click", () => turn(1));
await refresh();
document.body.dataset.ready = "";
