// The form of one rating: four scales with their examples, a comment, and why a scan cannot be rated.

import { make } from "./dom.js";

const byId = (id) => document.getElementById(id);

export class RatingForm {
  #scales;
  #marked;
  #changed;

  /**
   * @param {{name: string, title: string, question: string, scores: string[]}[]} scales
   * @param {Function} changed called whenever something was set
   */
  constructor(scales, changed) {
    this.#scales = scales;
    this.#changed = changed;
    byId("scales").replaceChildren(...scales.map((scale) => this.#fieldset(scale)));
    byId("scales").addEventListener("focusin", ({ target }) => this.#mark(target.closest("fieldset").name));
    byId("scales").addEventListener("change", ({ target }) => this.#set(target.name, Number(target.value)));
    byId("cannot").addEventListener("change", () => this.refuse(byId("cannot").checked));
    [byId("comment"), byId("reason")].forEach((field) => field.addEventListener("input", changed));
    this.#mark(scales[0].name);
  }

  /** What was set: `{scores: {name: score}, cannot_rate, comment}`; `cannot_rate` is null unless it is ticked. */
  get value() {
    const given = this.#scales.map(({ name }) => [name, Number(this.#checked(name)?.value ?? 0)]).filter(([, score]) => score);
    return {
      scores: Object.fromEntries(given),
      cannot_rate: byId("cannot").checked ? byId("reason").value.trim() : null,
      comment: byId("comment").value.trim(),
    };
  }

  set value({ scores = {}, cannot_rate = null, comment = "" }) {
    this.#scales.forEach(({ name }) => this.#radios(name).forEach((radio) => (radio.checked = Number(radio.value) === scores?.[name])));
    byId("comment").value = comment;
    byId("reason").value = cannot_rate ?? "";
    byId("cannot").checked = cannot_rate !== null;
    this.#showReason();
    byId("missing").textContent = "";
  }

  /** The scale that keys set. */
  get marked() {
    return this.#scales.find(({ name }) => name === this.#marked);
  }

  /** Whether a scale has the focus, so that 1 to 5 mean a score. */
  get isOnScale() {
    return byId("scales").contains(document.activeElement);
  }

  score(score) {
    const radio = this.#radios(this.#marked)[score - 1];
    if (radio.disabled) return;
    radio.checked = true;
    this.#set(this.#marked, score);
  }

  /** Tick or untick that the scan cannot be rated. */
  refuse(on) {
    byId("cannot").checked = on;
    this.#showReason();
    if (on) byId("reason").focus();
    else this.focus();
    this.#changed();
  }

  /** Focus a scale: the first without a score unless named; the button if all have one. */
  focus(name = this.#scales.find((scale) => !this.#checked(scale.name))?.name) {
    if (!name || byId("cannot").checked) return byId("save").focus();
    (this.#checked(name) ?? this.#radios(name)[0]).focus();
  }

  /** Focus what is missing and say so; true if nothing is. */
  complete() {
    const { scores, cannot_rate } = this.value;
    const missing = this.#scales.find(({ name }) => !scores[name]);
    if (cannot_rate === "") byId("reason").focus();
    else if (cannot_rate === null && missing) this.focus(missing.name);
    else return true;
    byId("missing").textContent = cannot_rate === "" ? "Say why the scan cannot be rated." : `${missing.title} has no score yet.`;
    return false;
  }

  #set(name, score) {
    byId("missing").textContent = "";
    this.#changed();
    const next = this.#scales[this.#scales.findIndex((scale) => scale.name === name) + 1];
    if (next) this.focus(next.name);
    else byId("save").focus({ preventScroll: true });
  }

  #mark(name) {
    this.#marked = name;
    document.querySelectorAll("#scales fieldset").forEach((one) => one.classList.toggle("marked", one.name === name));
    byId("examples-title").textContent = byId("large-title").textContent = this.marked.title;
    document.querySelectorAll(".pictures").forEach((list) => list.replaceChildren(...this.#pictures()));
  }

  #pictures() {
    const { name, title, scores } = this.marked;
    return scores.map((meaning, index) => {
      const picture = make("img", { src: `/static/examples/${name}-${index + 1}.webp`, width: 211, height: 212, alt: `${title} ${index + 1}, simulated` });
      return make("li", {}, picture, make("p", {}, make("b", {}, `${index + 1}`), ` ${meaning}`));
    });
  }

  #fieldset({ name, title, question, scores }) {
    const choices = scores.map((meaning, index) => {
      const radio = make("input", { type: "radio", name, value: index + 1, "aria-label": `${index + 1}: ${meaning}` });
      return make("label", { title: meaning }, radio, make("span", { "aria-hidden": "true" }, `${index + 1}`));
    });
    return make("fieldset", { name }, make("legend", {}, title), make("p", {}, question), make("div", { className: "scores" }, ...choices));
  }

  #showReason() {
    const on = byId("cannot").checked;
    byId("why").hidden = !on;
    document.querySelectorAll("#scales fieldset").forEach((one) => (one.disabled = on));
    byId("missing").textContent = "";
  }

  #radios(name) {
    return [...document.querySelectorAll(`#scales input[name="${name}"]`)];
  }

  #checked(name) {
    return this.#radios(name).find((radio) => radio.checked);
  }
}
