// All scans on one page, as pictures with their decisions.

import { arrange, make } from "./shared/dom.js";
import { decisionBadges } from "./verdict.js";

/** @import { ScanLine } from "lgeqa-api" */
/** @typedef {{ element: HTMLLIElement, link: HTMLAnchorElement, text: string, finished: string | null }} Tile */

/** Pictures of scans. A picture and its link stay the same elements while their scan is on the page. */
export class Mosaic {
  #element;
  /** @type {Map<number, Tile>} */
  #tiles = new Map();

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  /**
   * Show these scans and no others, in their order.
   *
   * @param {ScanLine[]} scans
   * @param {string} query of the list, which a scan's page continues
   */
  show(scans, query) {
    const old = this.#tiles;
    this.#tiles = new Map(scans.map((scan) => [scan.id, tileOf(scan, old.get(scan.id))]));
    for (const [id, { link }] of this.#tiles) link.href = `/scans/${id}?${query}`;
    arrange(
      this.#element,
      [...this.#tiles.values()].map(({ element }) => element),
    );
  }
}

/**
 * @param {ScanLine} scan
 * @param {Tile | undefined} known picture of the scan so far
 * @returns {Tile}
 */
function tileOf(scan, known) {
  const text = JSON.stringify(scan);
  if (known?.text === text) return known;
  const link = known?.link ?? make("a");
  const element = known?.element ?? make("li", {}, link);
  // A picture that is put in anew while it is clicked on would lose the click.
  if (!known || scan.finished_at !== known.finished) link.replaceChildren(pictureOf(scan), make("span", {}, scan.name));
  while (link.nextSibling) link.nextSibling.remove();
  element.append(...decisionBadges(scan));
  return { element, link, text, finished: scan.finished_at };
}

/** @param {ScanLine} scan */
function pictureOf(scan) {
  if (!scan.pictured) return make("span", { className: "unpictured" });
  return make("img", {
    src: `/api/scans/${scan.id}/thumbnail.jpg?${scan.finished_at}`,
    alt: "",
    loading: "lazy",
    width: 96,
    height: 96,
  });
}
