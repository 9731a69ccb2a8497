// How far the readers of a closed study agree, and which scans they are to adjudicate.

import { ask } from "./api.js";
import { make, plural } from "./dom.js";

const TITLES = {
  myocardium_nulling: "Myocardium nulling", sharpness: "Sharpness", enhancement: "Enhancement of aorta and valve",
  quality: "Quality for fibrosis assessment",
};
const PAIR = {
  Scans: scans, "Weighted kappa": ({ kappa }) => kappa, "Kappa of labels": ({ label_kappa }) => label_kappa,
  "Same score": ({ exact }) => exact, "Same side of 3": ({ same_side }) => same_side,
};
const TABLES = {
  pairs: { Readers: ({ a, b }) => `${a}, ${b}`, ...PAIR },
  repeats: { Reader: ({ a }) => a, ...PAIR },
  leniency: {
    Reader: ({ reader }) => reader, Scans: ({ n }) => n, "Above the others by": ({ difference }) => difference,
    "Calls diagnostic": ({ diagnostic }) => diagnostic, "Others call diagnostic": ({ others_diagnostic }) => others_diagnostic,
  },
  model: {
    Against: ({ against }) => against, Scans: ({ n }) => n, "Kappa of labels": ({ label_kappa }) => label_kappa,
    "Same side of 3": ({ same_side }) => same_side, AUROC: ({ auroc }) => auroc,
    "Model calls diagnostic": ({ diagnostic }) => diagnostic, "They call diagnostic": ({ others_diagnostic }) => others_diagnostic,
  },
};
const TOGETHER = {
  Scale: ([name]) => TITLES[name], "Scans of two or more": ([, of]) => of.n, "Krippendorff's alpha": ([, of]) => of.alpha,
  "Scans of all": ([, of]) => of.n_complete, "ICC(2,1)": ([, of]) => of.icc,
};
const byId = (id) => document.getElementById(id);
const studyPage = location.pathname.replace(/\/agreement$/, "");
const path = `/api${studyPage}`;
let agreement;

byId("back").href = studyPage;
byId("scale").append(...Object.entries(TITLES).map(([name, title]) => make("option", { value: name }, title)));
byId("scale").value = "quality";
byId("scale").addEventListener("change", showScale);
document.querySelectorAll("#figures a[download]").forEach((link) => (link.href = `${path}/agreement/${link.getAttribute("href")}`));
addEventListener("pageshow", ({ persisted }) => persisted && listDisputes());
start();

async function start() {
  const study = await ask(path).catch(fail);
  if (!study) return;
  document.title = byId("name").textContent = `Agreement: ${study.name}`;
  if (!(await listDisputes())) return;
  agreement = await ask(`${path}/agreement`).catch(fail);
  byId("busy").textContent = "";
  if (agreement) showFigures();
}

// ---- whom to adjudicate ----

async function listDisputes() {
  const listed = await ask(`${path}/adjudication`).catch(fail);
  if (!listed) return false;
  const open = listed.filter(({ agreed }) => !agreed).length;
  byId("count").textContent = listed.length
    ? `${plural(listed.length, "scan")}, ${open ? `${open} of them still open.` : "all of them adjudicated."}`
    : "The readers differ on no scan so far that it has to be adjudicated.";
  byId("disputes").replaceChildren(...listed.map(dispute));
  byId("adjudication").hidden = false;
  return true;
}

function dispute({ number, dispute: { scan_id, reasons, readings }, agreed }) {
  const link = make("a", { href: `${studyPage}/adjudication/${number}` }, scan_id);
  const scores = Object.entries(readings).map(([reader, given]) => `${reader} ${given ? given.at(-1) : "cannot rate"}`);
  return make(
    "tr", {},
    make("th", { scope: "row" }, link),
    make("td", {}, ...reasons.map((reason) => make("div", {}, reason))),
    make("td", {}, scores.join(", ")),
    make("td", { class: "agreed" }, agreed ? `✓ ${agreed.scores ? Object.values(agreed.scores).join(" ") : "cannot be rated"}` : "open"),
  );
}

// ---- figures ----

function showFigures() {
  const { n_scans, n_patients, n_shared, readers, draws, seed } = agreement;
  byId("how").textContent =
    `${readers.length} readers, ${n_scans} scans of ${n_patients} patients, ${n_shared} read by two or more. Intervals are of ` +
    `95 %, from ${draws} bootstrap draws over patients, seed ${seed}; that of the ICC is analytic.`;
  fill("together", TOGETHER, Object.entries(agreement.scales));
  showScale();
  byId("figures").hidden = false;
}

function showScale() {
  const scale = agreement.scales[byId("scale").value];
  Object.entries(TABLES).forEach(([name, columns]) => fill(name, columns, scale[name]));
  byId("again").hidden = !scale.repeats.length;
  byId("among").hidden = !scale.model.length;
}

function fill(id, columns, rows) {
  const head = Object.keys(columns).map((title) => make("th", { scope: "col" }, title));
  const body = rows.map((row) => {
    const [first, ...rest] = Object.entries(columns).map(([title, of]) => [title, of(row)]);
    return make("tr", {}, make("th", { scope: "row" }, first[1]), ...rest.map(([title, value]) => make("td", {}, ...cell(value, title))));
  });
  byId(id).replaceChildren(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
}

function scans({ n, refused }) {
  return refused ? `${n} (+${refused} not ratable)` : `${n}`;
}

// A figure with its interval, or why there is none; anything else as it is.
function cell(figure, title) {
  if (typeof figure !== "object") return [`${figure}`];
  const { value, low, high, undefined: why, caution } = figure;
  const number = (of) => rounded(of, title === "Above the others by");
  const said = why || caution;
  const text = value === null ? "undefined" : low === null ? number(value) : `${number(value)} (${number(low)} to ${number(high)})`;
  return said ? [text, make("span", { class: "why" }, said)] : [text];
}

function rounded(number, signed) {
  const hundredths = Math.round(100 * number);
  const sign = hundredths < 0 ? "−" : signed && hundredths ? "+" : "";
  return sign + Math.abs(hundredths / 100).toFixed(2);
}

function fail(fault) {
  byId("fault").textContent = fault.message;
  byId("busy").textContent = "";
}
