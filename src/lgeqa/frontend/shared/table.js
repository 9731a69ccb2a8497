// Tables: made from rows, and sorted by a column.

import { make } from "./dom.js";

/** @typedef {Node | string | (Node | string)[]} Cell */

/**
 * Show rows in a table. The first cell of a row is its heading.
 *
 * @template Row
 * @param {HTMLTableElement} table
 * @param {Record<string, (row: Row) => Cell>} columns the title of each column, and what a row has in it
 * @param {Row[]} rows
 */
export function fillTable(table, columns, rows) {
  const head = Object.keys(columns).map((title) => make("th", { scope: "col" }, title));
  const body = rows.map((row) => {
    const [first, ...others] = Object.values(columns).map((cellOf) => [cellOf(row)].flat());
    return make("tr", {}, make("th", { scope: "row" }, ...first), ...others.map((cell) => make("td", {}, ...cell)));
  });
  table.replaceChildren(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
}

/**
 * Make the headings of a table buttons that sort it. A cell sorts by the number in `data-value`, or else by its text.
 * Empty cells come last.
 *
 * @param {HTMLTableElement} table
 */
export function makeSortable(table) {
  for (const heading of table.querySelectorAll("thead th")) {
    const button = make("button", { type: "button" }, ...heading.childNodes);
    button.addEventListener("click", () => sort(table, /** @type {HTMLTableCellElement} */ (heading)));
    heading.replaceChildren(button);
  }
}

/**
 * @param {HTMLTableElement} table
 * @param {HTMLTableCellElement} heading
 */
function sort(table, heading) {
  const falling = heading.ariaSort === "ascending";
  table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const [body] = table.tBodies;
  const keyed = [...body.rows].map((row) => ({ key: keyOf(row.cells[heading.cellIndex]), row }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
    return falling ? compare(b.key, a.key) : compare(a.key, b.key);
  });
  body.append(...keyed.map(({ row }) => row));
}

/**
 * @param {HTMLTableCellElement} cell
 * @returns {number | string | null}
 */
function keyOf(cell) {
  if (cell.dataset.value === undefined) return cell.textContent?.trim() || null;
  return cell.dataset.value === "" ? null : Number(cell.dataset.value);
}

/**
 * @param {number | string} a
 * @param {number | string} b
 */
function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true, sensitivity: "base" });
}
