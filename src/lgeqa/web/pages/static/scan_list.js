// The list of scans. A row stays the same element while its scan is on the page, so the focus stays where it is.

import { make } from "./shared/dom.js";
import { moment, probabilityText } from "./shared/format.js";
import { badges } from "./verdict.js";

/** @import { ScanLine } from "lgeqa-api" */
/** @typedef {{ element: HTMLTableRowElement, box: HTMLInputElement, link: HTMLAnchorElement, text: string, finished: string | null }} Row */

export class ScanList {
  #body;
  #onChoice;
  /** @type {Map<number, Row>} */
  #rows = new Map();

  /**
   * @param {HTMLTableElement} table
   * @param {() => void} onChoice called when other scans are chosen
   */
  constructor(table, onChoice) {
    this.#body = table.tBodies[0];
    this.#onChoice = onChoice;
  }

  /**
   * Show these scans and no others, in their order.
   *
   * @param {ScanLine[]} scans
   */
  show(scans) {
    const old = this.#rows;
    this.#rows = new Map(scans.map((scan) => [scan.id, this.#rowOf(scan, old.get(scan.id))]));
    const rows = [...this.#rows.values()].map(({ element }) => element);
    [...this.#body.rows].filter((row) => !rows.includes(row)).forEach((row) => row.remove());
    rows.forEach((row, at) => {
      if (this.#body.rows[at] !== row) this.#body.insertBefore(row, this.#body.rows[at] ?? null);
    });
  }

  /** Numbers of the scans that are ticked. */
  get chosen() {
    return [...this.#rows].filter(([, { box }]) => box.checked).map(([id]) => id);
  }

  /**
   * Tick all scans, or none.
   *
   * @param {boolean} all
   */
  choose(all) {
    this.#rows.forEach(({ box }) => (box.checked = all));
    this.#onChoice();
  }

  /**
   * @param {ScanLine} scan
   * @param {Row | undefined} known row of the scan so far
   * @returns {Row}
   */
  #rowOf(scan, known) {
    const text = JSON.stringify(scan);
    if (known?.text === text) return known;
    const box = known?.box ?? make("input", { type: "checkbox", onchange: this.#onChoice });
    box.setAttribute("aria-label", `Choose ${scan.name}`);
    const link = known?.link ?? make("a", { href: `/scans/${scan.id}` }, scan.name);
    const element =
      known?.element ?? make("tr", {}, make("td", {}, box), make("td"), make("th", { scope: "row" }, link));
    while (element.cells.length > 3) element.cells[3].remove();
    if (scan.finished_at !== known?.finished) element.cells[1].replaceChildren(...pictureOf(scan));
    element.append(...cellsOf(scan));
    return { element, box, link, text, finished: scan.finished_at };
  }
}

/** @param {ScanLine} scan */
function pictureOf(scan) {
  if (!scan.pictured) return [];
  const size = { width: 48, height: 48 };
  // The time keeps a browser from showing the picture of an earlier assessment.
  return [
    make("img", { src: `/api/scans/${scan.id}/thumbnail.jpg?${scan.finished_at}`, alt: "", loading: "lazy", ...size }),
  ];
}

/** @param {ScanLine} scan */
function cellsOf(scan) {
  const vote = scan.votes_total ? `${scan.votes_diagnostic} of ${scan.votes_total}` : "–";
  return [
    make("td", {}, ...badges(scan)),
    make("td", { className: "number" }, probabilityText(scan.probability)),
    make("td", { className: "number" }, vote),
    make("td", { className: "remarks" }, scan.message || remarkOf(scan)),
    make("td", {}, moment(scan.added_at)),
  ];
}

/** @param {ScanLine} scan */
function remarkOf({ failing, poor }) {
  const remarks = [
    { kind: "Low", titles: failing },
    { kind: "Poor", titles: poor },
  ];
  return remarks
    .filter(({ titles }) => titles.length)
    .map(({ kind, titles }) => `${kind}: ${titles.join(", ")}`)
    .join(". ");
}
