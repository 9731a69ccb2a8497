// The index of a long report: its list of pages, which can be sorted, and filtered by the name of a scan.

import { openDefinitions } from "./definitions.js";
import { find } from "./shared/dom.js";
import { makeSortable } from "./shared/table.js";

const form = find("#filters", HTMLFormElement);
const table = find("#page-list", HTMLTableElement);
const rows = [...table.tBodies[0].rows];

/** Hide the pages that begin after, or end before, all names that start with the text. */
function filterPages() {
  const text = find("[name=text]", HTMLInputElement, form).value.trim();
  for (const row of rows) {
    const { first = "", last = "" } = row.dataset;
    row.hidden = text < first.slice(0, text.length) || text > last.slice(0, text.length);
  }
  find("[name=shown]", HTMLOutputElement, form).value =
    `${rows.filter((row) => !row.hidden).length} of ${rows.length} pages`;
}

makeSortable(table);
form.addEventListener("input", filterPages);
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", openDefinitions);
filterPages(); // what a browser kept of the form when the page was loaded again
openDefinitions();
