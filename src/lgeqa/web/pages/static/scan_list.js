// The list of scans. A row stays the same element while its scan is on the page, so the focus stays where it is.

import { arrange, make } from "./shared/dom.js";
import { moment, probabilityText } from "./shared/format.js";
import { badges, humanBadge, modelBadge, urgentBadge } from "./verdict.js";
import { ATTRIBUTE_NAMES } from "./vocabulary.js";

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
   * @param {string} query of the list, which a scan's page continues
   * @param {"patient" | "site" | "scanner" | ""} group value of the header by which the scans are grouped
   */
  show(scans, query, group) {
    const old = this.#rows;
    this.#rows = new Map(scans.map((scan) => [scan.id, this.#rowOf(scan, old.get(scan.id))]));
    for (const [id, { link }] of this.#rows) link.href = `/scans/${id}?${query}`;
    const rows = [...this.#rows.values()].map(({ element }) => element);
    if (group) addHeadings(scans, rows, group);
    arrange(this.#body, rows);
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
    const link = known?.link ?? make("a", {}, scan.name);
    const element =
      known?.element ?? make("tr", {}, make("td", {}, box), make("td"), make("th", { scope: "row" }, link));
    while (element.cells.length > 3) element.cells[3].remove();
    arrange(element.cells[2], [link, ...urgentBadge(scan), ...seriesOf(scan)]);
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
    make("td", {}, ...modelBadge(scan)),
    make("td", {}, ...humanBadge(scan)),
    make("td", {}, ...badges(scan)),
    make("td", { className: "number" }, probabilityText(scan.probability)),
    ...ATTRIBUTE_NAMES.map((name) => attributeCell(scan.attributes[name])),
    make("td", { className: "number" }, vote),
    make("td", { className: "remarks" }, scan.message || remarkOf(scan)),
    make("td", {}, moment(scan.added_at)),
  ];
}

/** @param {number | undefined} share */
function attributeCell(share) {
  return make(
    "td",
    { className: share !== undefined && share < 0.5 ? "number low" : "number" },
    probabilityText(share ?? null),
  );
}

/**
 * Make the line on the series of a scan, from what the user allows of its header.
 *
 * @param {ScanLine} scan
 */
function seriesOf({ header, series_kind }) {
  const known = header
    ? [
        header.series || header.protocol,
        header.inversion_time_ms !== null && `TI ${header.inversion_time_ms} ms`,
        header.field_strength_t !== null && `${header.field_strength_t} T`,
        header.acquired_at,
      ]
    : [];
  const text = [...known, series_kind].filter(Boolean).join(" · ");
  return text ? [make("span", { className: "series" }, text)] : [];
}

/**
 * Put a heading before the first row of each group.
 *
 * @param {ScanLine[]} scans
 * @param {HTMLTableRowElement[]} rows the rows of the scans, to which headings are added
 * @param {"patient" | "site" | "scanner"} group
 */
function addHeadings(scans, rows, group) {
  const columns = rows.at(0)?.cells.length ?? 1;
  const names = scans.map(({ header }) => header?.[group] || `no ${group} known`);
  const starts = names.flatMap((name, at) => (at === 0 || names[at - 1] !== name ? [at] : []));
  for (const at of starts.reverse()) {
    const heading = make("th", { colSpan: columns, scope: "rowgroup" }, `${group} ${names[at]}`);
    rows.splice(at, 0, make("tr", { className: "group" }, heading));
  }
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
