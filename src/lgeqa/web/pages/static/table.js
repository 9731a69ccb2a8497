// The table of scans. A row stays the same element while its scan is on the page, so the focus stays where it is.

import { badges, make, moment, share } from "./dom.js";

export class Table {
  #body;
  #rows = new Map();
  #onChoice;

  /** @param {HTMLTableElement} element @param {function} onChoice called when other scans are chosen */
  constructor(element, onChoice) {
    this.#body = element.tBodies[0];
    this.#onChoice = onChoice;
  }

  /** Show these scans, and no others, in their order. */
  show(scans) {
    const old = this.#rows;
    this.#rows = new Map(scans.map((scan) => [scan.id, this.#rowOf(scan, old.get(scan.id))]));
    const rows = [...this.#rows.values()].map(({ element }) => element);
    [...this.#body.children].filter((child) => !rows.includes(child)).forEach((child) => child.remove());
    rows.forEach((row, at) => this.#body.children[at] === row || this.#body.insertBefore(row, this.#body.children[at] ?? null));
  }

  /** Numbers of the scans that are ticked. */
  get chosen() {
    return [...this.#rows].filter(([, { box }]) => box.checked).map(([id]) => id);
  }

  /** Tick all scans, or none. */
  choose(all) {
    this.#rows.forEach(({ box }) => (box.checked = all));
    this.#onChoice();
  }

  #rowOf(scan, known) {
    const text = JSON.stringify(scan);
    if (known?.text === text) return known;
    const box = known?.box ?? make("input", { type: "checkbox", onchange: this.#onChoice });
    box.setAttribute("aria-label", `Choose ${scan.name}`);
    const link = known?.link ?? make("a", { href: `/scans/${scan.id}` }, scan.name);
    const element = known?.element ?? make("tr", {}, make("td", {}, box), make("td"), make("th", { scope: "row" }, link));
    while (element.cells.length > 3) element.cells[3].remove();
    if (scan.finished_at !== known?.finished) element.cells[1].replaceChildren(...pictureOf(scan));
    element.append(...cellsOf(scan));
    return { element, box, link, text, finished: scan.finished_at };
  }
}

function pictureOf(scan) {
  if (!scan.pictured) return [];
  const size = { width: 48, height: 48 };
  // The time keeps a browser from showing the picture of an earlier assessment.
  return [make("img", { src: `/api/scans/${scan.id}/thumbnail.jpg?${scan.finished_at}`, alt: "", loading: "lazy", ...size })];
}

function cellsOf(scan) {
  const vote = scan.votes_total ? `${scan.votes_diagnostic} of ${scan.votes_total}` : "–";
  const low = [["Low", scan.failing], ["Poor", scan.poor]].filter(([, titles]) => titles.length);
  const remark = low.map(([word, titles]) => `${word}: ${titles.join(", ")}`).join(". ");
  return [
    make("td", {}, ...badges(scan)),
    make("td", { className: "number" }, share(scan.probability)),
    make("td", { className: "number" }, vote),
    make("td", { className: "remarks" }, scan.message || remark),
    make("td", {}, moment(scan.added_at)),
  ];
}
