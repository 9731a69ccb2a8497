// All scans on one page, as pictures with their decisions.

import { arrange, make } from "./shared/dom.js";
import { decisionBadges } from "./verdict.js";

/** @import { ScanLine } from "lgeqa-api" */

/** Pictures of scans. A picture stays the same element while its scan does not change. */
export class Mosaic {
  #element;
  /** @type {Map<string, HTMLLIElement>} */
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
    this.#tiles = new Map(
      scans.map((scan) => {
        const key = `${query} ${JSON.stringify(scan)}`;
        return [key, old.get(key) ?? tileOf(scan, query)];
      }),
    );
    arrange(this.#element, [...this.#tiles.values()]);
  }
}

/**
 * @param {ScanLine} scan
 * @param {string} query
 */
function tileOf(scan, query) {
  const picture = scan.pictured
    ? make("img", {
        src: `/api/scans/${scan.id}/thumbnail.jpg?${scan.finished_at}`,
        alt: "",
        loading: "lazy",
        width: 96,
        height: 96,
      })
    : make("span", { className: "unpictured" });
  const link = make("a", { href: `/scans/${scan.id}?${query}` }, picture, make("span", {}, scan.name));
  return make("li", {}, link, ...decisionBadges(scan));
}
