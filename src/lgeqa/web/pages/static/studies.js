// The owner's list of studies, and the form for a new one.

import { ask } from "./shared/http.js";
import { find, make } from "./shared/dom.js";

/** @import { NewStudy, Progress, StudyView } from "lgeqa-api" */

const form = find("#new", HTMLFormElement);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  create();
});
list();

async function list() {
  const studies = await ask("get", "/api/studies", {}).catch(fail);
  if (!studies) return;
  find("#none").hidden = studies.length > 0;
  find("#all").hidden = studies.length === 0;
  find("#studies").replaceChildren(...studies.map(studyRow));
}

/** @param {StudyView} study */
function studyRow({ id, name, closed_at, scans, readers, made_at }) {
  /** @param {(reader: Progress) => number} count */
  const sum = (count) => readers.reduce((total, reader) => total + count(reader), 0);
  const done = sum(({ rated, cannot_rate }) => rated + cannot_rate);
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, make("a", { href: `/studies/${id}` }, name)),
    make("td", {}, closed_at ? "closed" : "open"),
    make("td", { className: "number" }, String(scans)),
    make("td", { className: "number" }, String(readers.length)),
    make("td", {}, `${done} of ${sum(({ readings }) => readings)}`),
    make("td", {}, made_at.slice(0, 10)),
  );
}

async function create() {
  const button = find("button", HTMLButtonElement, form);
  button.disabled = true;
  find("#busy").textContent = "Reading the scans …";
  find("#error").textContent = "";
  const study = await ask("post", "/api/studies", { json: await formValues() }).catch(fail);
  button.disabled = false;
  find("#busy").textContent = "";
  if (!study) return;
  if (!study.left_out.length) return location.assign(`/studies/${study.id}`);
  find("#left").textContent = `The study has ${study.scans} scans. These could not be used:`;
  find("#out").replaceChildren(...study.left_out.map((reason) => make("li", {}, reason)));
  find("#on", HTMLAnchorElement).href = `/studies/${study.id}`;
  find("#made").hidden = false;
  find("#on").focus();
  list();
}

/** @returns {Promise<NewStudy>} */
async function formValues() {
  /** @param {string} selector */
  const input = (selector) => find(selector, HTMLInputElement);
  return {
    name: input("#name").value,
    folder: input("#place").value.trim(),
    patients: (await input("#patients").files?.[0]?.text()) ?? "",
    repeat_share: input("#share").valueAsNumber / 100,
    seed: input("#seed").valueAsNumber,
    practice_folder: input("#practice").value.trim(),
  };
}

/**
 * @param {Error} error
 * @returns {undefined}
 */
function fail(error) {
  find("#error").textContent = error.message;
}
