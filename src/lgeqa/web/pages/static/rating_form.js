// The form of one rating: four scales with their examples, a comment, and why a scan cannot be rated.

import { find, make } from "./shared/dom.js";

/** @import { DefinedScale } from "lgeqa-api" */
/** @typedef {Record<string, number>} Scores scores by scale */
/** @typedef {{ scores?: Scores | null, cannot_rate: string | null, comment: string }} FormValue */
/** @typedef {{ scores?: Scores | null, cannot_rate: string, comment: string }} Rating */

/** The form as it is before anything is set. */
export const EMPTY = Object.freeze({ scores: null, cannot_rate: null, comment: "" });

export class RatingForm {
  #scales;
  #onChange;
  #marked;
  #cannot = find("#cannot", HTMLInputElement);
  #reason = find("#reason", HTMLInputElement);
  #comment = find("#comment", HTMLTextAreaElement);

  /**
   * @param {DefinedScale[]} scales
   * @param {() => void} onChange called whenever something was set
   */
  constructor(scales, onChange) {
    this.#scales = scales;
    this.#onChange = onChange;
    this.#marked = scales[0];
    const holder = find("#scales");
    holder.replaceChildren(...scales.map(fieldsetOf));
    for (const scale of scales) {
      const fieldset = find(`fieldset[name=${scale.name}]`, HTMLFieldSetElement, holder);
      fieldset.addEventListener("focusin", () => this.#mark(scale));
      this.#radios(scale).forEach((radio) => radio.addEventListener("change", () => this.#set(scale)));
    }
    this.#cannot.addEventListener("change", () => this.setCannotRate(this.#cannot.checked));
    for (const field of [this.#comment, this.#reason]) field.addEventListener("input", onChange);
    this.#mark(scales[0]);
  }

  /** What is set. `cannot_rate` is null unless it is ticked. */
  get value() {
    return {
      scores: this.#scores,
      cannot_rate: this.#cannot.checked ? this.#reason.value.trim() : null,
      comment: this.#comment.value.trim(),
    };
  }

  /** @param {FormValue} value */
  set value({ scores, cannot_rate, comment }) {
    for (const scale of this.#scales) {
      this.#radios(scale).forEach((radio) => (radio.checked = Number(radio.value) === scores?.[scale.name]));
    }
    this.#comment.value = comment;
    this.#reason.value = cannot_rate ?? "";
    this.#cannot.checked = cannot_rate !== null;
    this.#showReason();
  }

  /**
   * The rating that is set, as the server takes it once the form is complete.
   *
   * @returns {Rating}
   */
  get rating() {
    const { scores, cannot_rate, comment } = this.value;
    return {
      scores: cannot_rate === null ? scores : null,
      cannot_rate: cannot_rate ?? "",
      comment,
    };
  }

  /** Whether a scale has the focus, so that 1 to 5 mean a score. */
  get isOnScale() {
    return find("#scales").contains(document.activeElement);
  }

  /**
   * Give the marked scale a score.
   *
   * @param {number} score
   */
  score(score) {
    const radio = this.#radios(this.#marked)[score - 1];
    if (radio.disabled) return;
    radio.checked = true;
    this.#set(this.#marked);
  }

  /**
   * Tick or untick that the scan cannot be rated.
   *
   * @param {boolean} on
   */
  setCannotRate(on) {
    this.#cannot.checked = on;
    this.#showReason();
    if (on) this.#reason.focus();
    else this.focus();
    this.#onChange();
  }

  /**
   * Focus a scale, or the button if no scale needs a score.
   *
   * @param {string} [name] the first scale without a score unless named
   */
  focus(name = this.#firstWithoutScore?.name) {
    const scale = this.#scales.find((candidate) => candidate.name === name);
    if (!scale || this.#cannot.checked) return find("#save").focus();
    (this.#checked(scale) ?? this.#radios(scale)[0]).focus();
  }

  /** Return whether nothing is missing, and focus and name what is. */
  complete() {
    const { cannot_rate } = this.value;
    const missing = this.#firstWithoutScore;
    if (cannot_rate === "") {
      this.#reason.focus();
      find("#missing").textContent = "Say why the scan cannot be rated.";
      return false;
    }
    if (cannot_rate !== null || !missing) return true;
    this.focus(missing.name);
    find("#missing").textContent = `${missing.title} has no score yet.`;
    return false;
  }

  get #scores() {
    /** @type {Scores} */
    const scores = {};
    for (const scale of this.#scales) {
      const radio = this.#checked(scale);
      if (radio) scores[scale.name] = Number(radio.value);
    }
    return scores;
  }

  get #firstWithoutScore() {
    return this.#scales.find((scale) => !this.#checked(scale));
  }

  /** @param {DefinedScale} scale */
  #set(scale) {
    find("#missing").textContent = "";
    this.#onChange();
    const next = this.#scales[this.#scales.indexOf(scale) + 1];
    if (next) this.focus(next.name);
    else find("#save").focus({ preventScroll: true });
  }

  /** @param {DefinedScale} scale */
  #mark(scale) {
    this.#marked = scale;
    for (const fieldset of fieldsets()) fieldset.classList.toggle("marked", fieldset.name === scale.name);
    find("#examples-title").textContent = find("#large-title").textContent = scale.title;
    document.querySelectorAll(".pictures").forEach((list) => list.replaceChildren(...examplesOf(scale)));
  }

  #showReason() {
    const on = this.#cannot.checked;
    find("#why").hidden = !on;
    for (const fieldset of fieldsets()) fieldset.disabled = on;
    find("#missing").textContent = "";
  }

  /**
   * @param {DefinedScale} scale
   * @returns {HTMLInputElement[]}
   */
  #radios({ name }) {
    return [...find("#scales").querySelectorAll("input")].filter((radio) => radio.name === name);
  }

  /** @param {DefinedScale} scale */
  #checked(scale) {
    return this.#radios(scale).find((radio) => radio.checked);
  }
}

function fieldsets() {
  return find("#scales").querySelectorAll("fieldset");
}

/** @param {DefinedScale} scale */
function fieldsetOf({ name, title, question, scores }) {
  const choices = scores.map((meaning, index) => {
    const radio = make("input", { type: "radio", name, value: index + 1, "aria-label": `${index + 1}: ${meaning}` });
    return make("label", { title: meaning }, radio, make("span", { "aria-hidden": "true" }, `${index + 1}`));
  });
  return make(
    "fieldset",
    { name },
    make("legend", {}, title),
    make("p", {}, question),
    make("div", { className: "scores" }, ...choices),
  );
}

/** @param {DefinedScale} scale */
function examplesOf({ name, title, scores }) {
  return scores.map((meaning, index) => {
    const source = `/static/examples/${name}-${index + 1}.webp`;
    const picture = make("img", { src: source, width: 211, height: 212, alt: `${title} ${index + 1}, simulated` });
    return make("li", {}, picture, make("p", {}, make("b", {}, `${index + 1}`), ` ${meaning}`));
  });
}
