// The table of scans: sorting, and filters that hide the row of a scan and its part of the page.

import { find } from "./shared/dom.js";
import { makeSortable } from "./shared/table.js";

/** Make the table of scans sortable, and let the filters above it hide rows. */
export function startScanTable() {
  const table = find("#scans", HTMLTableElement);
  const form = find("#filters", HTMLFormElement);
  const filter = () => filterRows(table, form);
  makeSortable(table);
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  filter(); // what a browser kept of the form when the page was loaded again
}

/**
 * @param {HTMLTableElement} table
 * @param {HTMLFormElement} form
 */
function filterRows(table, form) {
  const text = find("[name=text]", HTMLInputElement, form).value.trim().toLowerCase();
  const decision = find("[name=decision]", HTMLSelectElement, form).value;
  const end = find("[name=end]", HTMLSelectElement, form).value;
  const failing = find("[name=failing]", HTMLSelectElement, form).value;
  const rows = [...table.tBodies[0].rows];
  for (const row of rows) {
    const { decision: decided = "", end: ended = "", failing: scales = "", part = "" } = row.dataset;
    row.hidden = !textOf(row).includes(text) || !has(decided, decision) || !has(ended, end) || !has(scales, failing);
    const details = document.getElementById(part);
    if (details) details.hidden = row.hidden;
  }
  find("[name=shown]", HTMLOutputElement, form).value =
    `${rows.filter((row) => !row.hidden).length} of ${rows.length} scans`;
}

/** @param {HTMLTableRowElement} row */
function textOf({ cells }) {
  return `${cells[0].textContent} ${cells[2].textContent}`.toLowerCase();
}

/**
 * @param {string} words
 * @param {string} wanted empty for any
 */
function has(words, wanted) {
  return wanted === "" || words.split(" ").includes(wanted);
}
