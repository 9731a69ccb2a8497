// The scans of a study to adjudicate, and the rule that says which they are.

import { ask } from "./shared/http.js";
import { find, make } from "./shared/dom.js";
import { plural } from "./shared/format.js";
import { SCALE_NAMES, SCALES } from "./vocabulary.js";

/** @import { DiscrepancyRule, Listed } from "lgeqa-api" */

const LISTS = /** @type {const} */ (["points_on", "sides_on"]);
const points = find("#points", HTMLInputElement);

export class AdjudicationList {
  #studyPage;
  #values;
  #onError;

  /**
   * @param {number} studyId
   * @param {(error: Error) => undefined} onError
   */
  constructor(studyId, onError) {
    this.#studyPage = `/studies/${studyId}`;
    this.#values = { study_id: studyId };
    this.#onError = onError;
    for (const list of LISTS) find(`#${list}`).append(...SCALE_NAMES.map(scaleBox));
  }

  /**
   * Show the rule in its form, and store what is chosen there.
   *
   * @param {DiscrepancyRule} rule
   * @param {() => void} onChange called once a new rule is stored
   */
  showRule(rule, onChange) {
    points.valueAsNumber = rule.points;
    for (const list of LISTS) boxesOf(list).forEach((box) => (box.checked = rule[list].includes(nameOf(box))));
    find("#rule").addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await this.#store()) onChange();
    });
  }

  /** Show the scans. Return whether it worked. */
  async refresh() {
    const path = "/api/studies/{study_id}/adjudication";
    const scans = await ask("get", path, { values: this.#values }).catch(this.#onError);
    if (!scans) return false;
    const open = scans.filter(({ agreed }) => !agreed).length;
    find("#count").textContent = scans.length
      ? `${plural(scans.length, "scan")}, ${open ? `${open} of them still open.` : "all of them adjudicated."}`
      : "The readers differ on no scan so much that it has to be adjudicated.";
    find("#disputes").replaceChildren(...scans.map((scan) => this.#row(scan)));
    find("#adjudication").hidden = false;
    return true;
  }

  async #store() {
    const json = {
      points: points.valueAsNumber,
      points_on: checkedIn("points_on"),
      sides_on: checkedIn("sides_on"),
    };
    const stored = await ask("put", "/api/studies/{study_id}/rule", { values: this.#values, json }).catch(
      this.#onError,
    );
    find("#stored").textContent = stored ? "Saved." : "";
    return stored && this.refresh();
  }

  /** @param {Listed} scan */
  #row({ number, dispute: { scan_id, reasons, readings }, agreed }) {
    const link = make("a", { href: `${this.#studyPage}/adjudication/${number}` }, scan_id);
    const read = Object.entries(readings);
    const qualities = read.flatMap(([reader, scores]) => (scores ? [`${reader} ${scores.at(-1) ?? "none"}`] : []));
    const unable = read.flatMap(([reader, scores]) => (scores ? [] : [reader]));
    const consensus = agreed && (agreed.scores ? Object.values(agreed.scores).join(" ") : "cannot be rated");
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, link),
      make("td", {}, ...reasons.map((reason) => make("div", {}, reason))),
      make("td", {}, qualities.join(", ")),
      make("td", {}, unable.join(", ")),
      make("td", { class: "agreed" }, consensus ? `✓ ${consensus}` : "open"),
    );
  }
}

/** @param {typeof SCALE_NAMES[number]} name */
function scaleBox(name) {
  return make("label", {}, make("input", { type: "checkbox", value: name }), ` ${SCALES[name]}`);
}

/**
 * @param {typeof LISTS[number]} list
 * @returns {HTMLInputElement[]}
 */
function boxesOf(list) {
  return [...find(`#${list}`).querySelectorAll("input")];
}

/** @param {typeof LISTS[number]} list */
function checkedIn(list) {
  return boxesOf(list)
    .filter(({ checked }) => checked)
    .map(nameOf);
}

/** @param {HTMLInputElement} box */
function nameOf({ value }) {
  return /** @type {DiscrepancyRule["sides_on"][number]} */ (value);
}
