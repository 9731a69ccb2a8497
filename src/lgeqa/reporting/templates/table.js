"use strict";

/* The table of scans: sorting, and filters that hide a scan's row and its part of the page. */
{
  const table = document.querySelector("#scans");
  const form = document.querySelector("#filters");

  /** What a cell sorts by: a number, a text, or null for nothing, which always comes last. */
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.value === undefined) return cell.textContent.trim() || null;
    return cell.dataset.value === "" ? null : Number(cell.dataset.value);
  };

  const compare = (a, b) =>
    typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true, sensitivity: "base" });

  const sort = (header) => {
    const falling = header.ariaSort === "ascending";
    for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const keyed = [...table.tBodies[0].rows].map((row) => [valueOf(row, header.cellIndex), row]);
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return falling ? compare(b, a) : compare(a, b);
    });
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  };

  const filter = () => {
    const { text, end, failing, shown } = form.elements;
    const wanted = text.value.trim().toLowerCase();
    const rows = [...table.tBodies[0].rows];
    for (const row of rows) {
      const words = `${row.cells[0].textContent} ${row.cells[row.cells.length - 1].textContent}`.toLowerCase();
      row.hidden =
        !words.includes(wanted) ||
        (end.value !== "" && !row.dataset.end.split(" ").includes(end.value)) ||
        (failing.value !== "" && !row.dataset.failing.split(" ").includes(failing.value));
      const part = document.getElementById(row.dataset.part);
      if (part) part.hidden = row.hidden;
    }
    shown.value = `${rows.filter((row) => !row.hidden).length} of ${rows.length} scans`;
  };

  if (table) {
    for (const header of table.tHead.rows[0].cells) {
      header.querySelector("button").addEventListener("click", () => sort(header));
    }
    form.addEventListener("input", filter);
    form.addEventListener("reset", () => setTimeout(filter));
    form.addEventListener("submit", (event) => event.preventDefault());
    filter(); // what a browser kept of the form when the page was loaded again
  }
}
