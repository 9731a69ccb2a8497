// One scan whose readers differ: what each said, side by side with the scan, and what is agreed on.

import { ask, untilHeard } from "./api.js";
import { make, moment } from "./dom.js";
import { RatingForm } from "./scales.js";
import { newId } from "./unsaved.js";
import { createViewer } from "./viewer.js";
import { widened } from "./window.js";

const SHORT = { myocardium_nulling: "Nulling", sharpness: "Sharpness", enhancement: "Enhancement", quality: "Quality" };
const FAR = 2;
const DIAGNOSTIC_FROM = 3;
const byId = (id) => document.getElementById(id);
const [, studyPage, number] = location.pathname.match(/^(.*)\/adjudication\/(\d+)$/);
const path = `/api${studyPage}/adjudication`;
let opened; // what the server told of the scan
let form;

byId("list").href = `${studyPage}/agreement`;
start();

async function start() {
  opened = await ask(`${path}/${number}`).catch(fail);
  if (!opened) return;
  document.title = byId("scan").textContent = `Adjudicate ${opened.scan_id}`;
  form = new RatingForm(opened.scales, () => {});
  showSaid();
  showAgreed();
  byId("form").addEventListener("submit", (event) => (event.preventDefault(), save()));
  byId("scales").addEventListener("keydown", ({ key }) => "12345".includes(key) && form.score(Number(key)));
  byId("enlarge").addEventListener("click", () => byId("large").showModal());
  byId("main").hidden = false;
  form.focus(opened.scales[0].name);
  await Promise.all([showScan(), showPlace()]);
}

// ---- what there is ----

function showSaid() {
  const first = opened.said.filter(({ reading, scores }) => reading === 1 && scores);
  const head = ["Reader", ...opened.scales.map(({ name }) => SHORT[name])].map((title) => make("th", { scope: "col" }, title));
  const rows = opened.said.flatMap((one) => [row(one, first), ...comment(one)]);
  byId("said").replaceChildren(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

function row({ reader, reading, scores, cannot_rate }, first) {
  const name = make("th", { scope: "row" }, reading === 1 ? reader : `${reader}, again`);
  if (!scores) return make("tr", {}, name, make("td", { colspan: opened.scales.length, class: "apart" }, `cannot be rated: ${cannot_rate}`));
  return make("tr", {}, name, ...opened.scales.map((scale) => make("td", apart(scale, first) ? { class: "apart" } : {}, `${scores[scale.name]}`)));
}

function comment({ comment: text }) {
  return text ? [make("tr", {}, make("td"), make("td", { colspan: opened.scales.length, class: "comment" }, text))] : [];
}

// Whether the readers' first scores on a scale are why the scan is here.
function apart({ name }, first) {
  const given = first.map(({ scores }) => scores[name]);
  const [low, high] = [Math.min(...given), Math.max(...given)];
  return high - low >= FAR || (name === "quality" && low < DIAGNOSTIC_FROM && high >= DIAGNOSTIC_FROM);
}

function showAgreed() {
  const last = opened.agreed.at(-1);
  if (last) {
    form.value = { ...last, cannot_rate: last.cannot_rate || null };
    byId("panel").value = last.panel;
    byId("status").textContent = `Agreed on ${moment(last.saved_at)}`;
  }
  byId("history").replaceChildren(...opened.agreed.map(({ scores, cannot_rate, comment: why, panel, saved_at }) => {
    const what = scores ? opened.scales.map(({ name, title }) => `${title} ${scores[name]}`).join(", ") : `cannot be rated: ${cannot_rate}`;
    return make("li", {}, [`${moment(saved_at)}: ${what}`, panel && `by ${panel}`, why].filter(Boolean).join("; "));
  }));
  byId("earlier").hidden = !opened.agreed.length;
}

async function showPlace() {
  const listed = await ask(path).catch(fail);
  if (!listed) return;
  const at = listed.findIndex((one) => one.number === Number(number));
  byId("place-in-list").textContent = at < 0 ? "not among the scans to adjudicate" : `${at + 1} of ${listed.length}`;
  const isOpen = ({ agreed, number: other }) => !agreed && other !== Number(number);
  const next = listed.slice(at + 1).find(isOpen) ?? listed.find(isOpen);
  byId("next").hidden = !next;
  if (next) byId("next").href = `${studyPage}/adjudication/${next.number}`;
}

async function showScan() {
  byId("loading").textContent = "Loading the scan …";
  const canvas = make("canvas", { tabindex: "0" });
  byId("stage").replaceChildren(canvas);
  try {
    const viewer = await createViewer(canvas, { volume: `${path}/${number}/volume` });
    viewer.setWindow(...widened(viewer.window));
    const show = (slice) => {
      byId("slice").max = viewer.slices;
      byId("slice").value = slice + 1;
      byId("place").textContent = `${slice + 1} of ${viewer.slices}`;
    };
    viewer.onSlice(show);
    show(viewer.slice);
    byId("slice").addEventListener("input", () => (viewer.slice = byId("slice").value - 1));
    byId("loading").textContent = "";
  } catch (fault) {
    byId("loading").textContent = fault.message;
  }
}

// ---- saving ----

// Sent until the server answers, under one id, so that it is kept once.
async function save() {
  if (byId("save").disabled || !form.complete()) return;
  const { scores, cannot_rate, comment: why } = form.value;
  const given = { scores: cannot_rate === null ? scores : null, cannot_rate: cannot_rate ?? "", comment: why };
  const json = { ...given, panel: byId("panel").value.trim(), known: opened.agreed.length, save_id: newId() };
  byId("save").disabled = true;
  const lost = () => (byId("fault").textContent = "Not saved yet: the server cannot be reached. It is tried again.");
  const agreed = await untilHeard(() => ask(`${path}/${number}`, { method: "POST", json }), lost).catch(fail);
  byId("save").disabled = false;
  if (!agreed) return;
  byId("fault").textContent = "";
  opened.agreed = [...opened.agreed, agreed];
  showAgreed();
  await showPlace();
  (byId("next").hidden ? byId("list") : byId("next")).focus();
}

function fail(fault) {
  byId("fault").textContent = fault.message;
}
