// The agreement of the readers of a closed study, and the scans to adjudicate.

import { ask, wait } from "./shared/http.js";
import { find, make } from "./shared/dom.js";
import { fillTable } from "./shared/table.js";
import { AdjudicationList } from "./adjudication_list.js";
import { SCALE_NAMES, SCALES } from "./vocabulary.js";

/** @import { Agreement, Estimate, Leniency, ModelPair, Pair, ScaleAgreement, StudyView } from "lgeqa-api" */
/** @import { Cell } from "./shared/table.js" */

/**
 * @template Row
 * @typedef {Record<string, (row: Row) => Cell>} Columns
 */

/** @type {Columns<Pair>} */
const PAIR = {
  Scans: ({ n }) => String(n),
  "Cannot be rated": ({ refused }) => String(refused),
  "Weighted kappa": ({ kappa }) => cellOf(kappa),
  "Kappa of labels": ({ label_kappa }) => cellOf(label_kappa),
  "Same score": ({ exact }) => cellOf(exact),
  "Same side of 3": ({ same_side }) => cellOf(same_side),
};
/** @type {Columns<Leniency>} */
const LENIENCY = {
  Reader: ({ reader }) => reader,
  Scans: ({ n }) => String(n),
  "Above the others by": ({ difference }) => cellOf(difference, true),
  "Calls diagnostic": ({ diagnostic }) => cellOf(diagnostic),
  "Others call diagnostic": ({ others_diagnostic }) => cellOf(others_diagnostic),
};
/** @type {Columns<ModelPair>} */
const MODEL = {
  Against: ({ against }) => against,
  Scans: ({ n }) => String(n),
  "Kappa of labels": ({ label_kappa }) => cellOf(label_kappa),
  "Same side of 3": ({ same_side }) => cellOf(same_side),
  AUROC: ({ auroc }) => cellOf(auroc),
  "Model calls diagnostic": ({ diagnostic }) => cellOf(diagnostic),
  "They call diagnostic": ({ others_diagnostic }) => cellOf(others_diagnostic),
};
/** @type {Columns<{ name: string, agreement: ScaleAgreement }>} */
const TOGETHER = {
  Scale: ({ name }) => SCALES[name],
  "Scans of two or more": ({ agreement }) => String(agreement.n),
  "Krippendorff's alpha": ({ agreement }) => cellOf(agreement.alpha),
  "Scans of all": ({ agreement }) => String(agreement.n_complete),
  "ICC(2,1)": ({ agreement }) => cellOf(agreement.icc),
};

const POLL_MS = 300;
const studyPage = location.pathname.replace(/\/agreement$/, "");
const values = { study_id: Number(studyPage.split("/").at(-1)) };
const list = new AdjudicationList(values.study_id, fail);
const scale = find("#scale", HTMLSelectElement);

find("#back", HTMLAnchorElement).href = studyPage;
scale.append(...SCALE_NAMES.map((name) => make("option", { value: name }, SCALES[name])));
scale.value = "quality";
for (const link of document.querySelectorAll("#figures a[download]")) {
  link.setAttribute("href", `/api${studyPage}/agreement/${link.getAttribute("href")}`);
}
addEventListener("pageshow", ({ persisted }) => persisted && list.refresh());
ask("get", "/api/studies/{study_id}", { values }).then(start, fail);

/** @param {StudyView} study */
async function start({ name, rule }) {
  document.title = find("#name").textContent = `Agreement: ${name}`;
  list.showRule(rule, showAgreement);
  if (await list.refresh()) await showAgreement();
}

async function showAgreement() {
  if (!(await finished().catch(fail))) return;
  const agreement = await ask("get", "/api/studies/{study_id}/agreement", { values }).catch(fail);
  find("#busy").hidden = true;
  if (agreement) showFigures(agreement);
}

/** Show the progress until the agreement is computed. */
async function finished() {
  find("#busy").hidden = false;
  for (;;) {
    const { share, done } = await ask("get", "/api/studies/{study_id}/agreement/progress", { values });
    find("#share", HTMLProgressElement).value = share;
    find("#percent").textContent = `${Math.round(100 * share)} %`;
    if (done) return true;
    await wait(POLL_MS);
  }
}

// Figures ------------------------------------------------------------------------------------------------------------

/** @param {Agreement} agreement */
function showFigures(agreement) {
  const { n_scans, n_patients, n_shared, readers, draws, seed } = agreement;
  find("#how").textContent =
    `${readers.length} readers, ${n_scans} scans of ${n_patients} patients, ${n_shared} read by two or more. 95 % intervals are ` +
    `from ${draws} bootstrap resamples of the patients, seed ${seed}. The interval of the ICC is analytic.`;
  const rows = SCALE_NAMES.map((name) => ({ name, agreement: agreement.scales[name] }));
  fillTable(find("#together", HTMLTableElement), TOGETHER, rows);
  scale.onchange = () => showScale(agreement);
  showScale(agreement);
  find("#figures").hidden = false;
}

/** @param {Agreement} agreement */
function showScale({ scales }) {
  const { pairs, repeats, leniency, model } = scales[scale.value];
  fillTable(find("#pairs", HTMLTableElement), { Readers: ({ a, b }) => `${a}, ${b}`, ...PAIR }, pairs);
  fillTable(find("#repeats", HTMLTableElement), { Reader: ({ a }) => a, ...PAIR }, repeats);
  fillTable(find("#leniency", HTMLTableElement), LENIENCY, leniency);
  fillTable(find("#model", HTMLTableElement), MODEL, model);
  find("#again").hidden = !repeats.length;
  find("#among").hidden = !model.length;
}

/**
 * Return an estimate with its interval, or why there is none.
 *
 * @param {Estimate} estimate
 * @param {boolean} [signed]
 * @returns {Cell}
 */
function cellOf({ value = null, low = null, high = null, undefined: reason, caution }, signed = false) {
  /** @param {number} number */
  const text = (number) => rounded(number, signed);
  const interval = low === null || high === null ? "" : ` (${text(low)} to ${text(high)})`;
  const note = reason || caution;
  const figure = value === null ? "undefined" : `${text(value)}${interval}`;
  return note ? [figure, make("span", { class: "why" }, note)] : figure;
}

/**
 * @param {number} number
 * @param {boolean} signed
 */
function rounded(number, signed) {
  const hundredths = Math.round(100 * number);
  const sign = hundredths < 0 ? "−" : signed && hundredths ? "+" : "";
  return sign + Math.abs(hundredths / 100).toFixed(2);
}

/**
 * @param {Error} error
 * @returns {undefined}
 */
function fail(error) {
  find("#error").textContent = error.message;
  find("#busy").hidden = true;
}
