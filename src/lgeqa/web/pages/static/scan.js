// The page of one scan: its verdict, the reasons for it, and the volume.

import { ApiError, ask, retryWhileOffline, wait } from "./shared/http.js";
import { find, make } from "./shared/dom.js";
import { millimetres, moment, probabilityText } from "./shared/format.js";
import { voteStrip } from "./shared/vote_strip.js";
import { createPanel } from "./decision_panel.js";
import { measureRow } from "./measures.js";
import { badges, failures, humanBadge, modelBadge, showCaution, urgentBadge } from "./verdict.js";
import { createViewer } from "./volume_viewer.js";
import { bloodWindow } from "./volume_window.js";

/** @import { Advice, AttributeView, ScanLine, ScanPart, ScanResult, ScoreEstimate, WorstSlice } from "lgeqa-api" */
/** @import { VoteStrip } from "./shared/vote_strip.js" */
/** @import { Overlay, Viewer } from "./volume_viewer.js" */
/** @typedef {{ index: number, position_mm: number, p_quality?: number }} AtriumSlice */

const WAIT_MS = 500;
/** @type {("aorta" | "pools")[]} */
const BLOOD = ["aorta", "pools"];

const number = Number(location.pathname.split("/").at(-1));
const address = `/api/scans/${number}`;
const heat = find("#heat", HTMLSelectElement);
const opacity = find("#opacity", HTMLInputElement);
const contour = find("#contour", HTMLInputElement);
const windowBox = find("#window", HTMLSelectElement);
const slider = find("#slices", HTMLInputElement);
const bloodBox = find("#blood", HTMLInputElement);
const question = find("#sure", HTMLDialogElement);
const panel = createPanel(number, complain);
/** @type {Viewer | null} */
let viewer = null;
/** @type {VoteStrip | null} */
let strip = null;
/** @type {Promise<unknown> | null} */
let blood = null;

async function follow() {
  const attempt = () => ask("get", "/api/scans/{number}", { values: { number } });
  for (;;) {
    const part = await retryWhileOffline(attempt, () => complain("No connection to the server. Trying again."));
    find("#lost").hidden = true;
    show(part);
    if (part.line.state === "done") return part;
    await wait(WAIT_MS);
  }
}

/** @param {string} text */
function complain(text) {
  find("#lost").textContent = text;
  find("#lost").hidden = false;
}

/** @param {ScanPart} part */
function show(part) {
  const { line, result, attributes, measures, explained } = part;
  document.title = `lgeqa: ${line.name}`;
  find("#name").textContent = line.name;
  showVerdict(line);
  panel.show(line);
  find("#findings").replaceChildren(...(result ? findingsOf(result, part.refusal_title) : []));
  find("#message").textContent = result?.findings.length ? "" : line.message;
  const crossing = make(
    "b",
    {},
    ` One of these is on the other side of the threshold of ${result?.threshold}: look at the scan.`,
  );
  find("#levels").replaceChildren(part.levels, ...(part.sensitive ? [crossing] : []));
  find("#again", HTMLButtonElement).disabled = line.state !== "done";
  find("#report").hidden = line.state !== "done";
  find("#report", HTMLAnchorElement).href = `/api/report.html?id=${line.id}`;
  find("#assessed").hidden = result?.status !== "assessed";
  find("#pictured").hidden = !line.pictured;
  find("#measured").hidden = !measures.length;
  find("#measures tbody").replaceChildren(...measures.map(measureRow));
  showHeatControls(attributes, explained);
  find("#provenance").replaceChildren(
    ...provenance(line, result).flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)]),
  );
  find("#warned").hidden = !result?.warnings.length;
  find("#warnings").replaceChildren(...(result?.warnings ?? []).map((warning) => make("li", {}, warning)));
  if (result?.status === "assessed") showAssessed(result, part);
}

/** @param {ScanLine} line */
function showVerdict(line) {
  const verdict = find("#verdict");
  const text = JSON.stringify(line);
  if (verdict.dataset.line === text) return;
  const probability =
    line.probability === null ? "" : ` probability ${probabilityText(line.probability)} of being diagnostic`;
  const parts = [urgentBadge(line), modelBadge(line), failures(line), humanBadge(line), badges(line)].filter(
    (part) => part.length,
  );
  verdict.replaceChildren(...parts.flatMap((part) => [...part, " "]), probability);
  verdict.dataset.line = text;
  find("#reasons").replaceChildren(...line.reasons.map((reason) => make("li", {}, reason)));
}

/**
 * @param {ScanResult} result
 * @param {ScanPart} part
 */
function showAssessed(result, { attributes, bars, worst }) {
  const weighed = typeof result.slices[0].weight === "number"; // the strip says what decides then
  const tie = result.tie && !weighed ? " A tie: the mean probability decided." : "";
  find("#vote").textContent = `${result.votes_diagnostic} of ${result.votes_total} slices count as diagnostic.${tie}`;
  strip = voteStrip(result, bars, (slice) => goTo(result.slices[slice].position_mm));
  find("#strip").replaceChildren(strip.element);
  find("#worst").replaceChildren(...worst.map((slice) => make("li", {}, worstButton(slice))));
  const { scores = {} } = result;
  find("#estimated").hidden = !Object.keys(scores).length;
  find("#parts").hidden = !attributes.some(({ parts }) => parts);
  find("#attributes tbody").replaceChildren(...attributes.map((attribute) => attributeRow(attribute, scores)));
  find("#what-to-do").hidden = !result.advice.length;
  find("#advice").replaceChildren(...result.advice.map(adviceOf));
}

/**
 * @param {AttributeView[]} attributes
 * @param {boolean} explained
 */
function showHeatControls(attributes, explained) {
  for (const element of [heat.parentElement, opacity.parentElement, find("#legend")])
    if (element) element.hidden = !explained;
  if (explained && heat.length === 1) {
    heat.append(...attributes.map(({ name, title }) => make("option", { value: name }, title)));
  }
}

/**
 * Return the reasons against a verdict: first those that refuse it, then those to review.
 *
 * @param {ScanResult} result
 * @param {string} refusalTitle
 */
function findingsOf({ findings }, refusalTitle) {
  const kinds = [
    { severity: "refused", title: refusalTitle, className: "gate refused" },
    { severity: "review", title: "Review before use:", className: "gate" },
  ];
  return kinds.flatMap(({ severity, title, className }) => {
    const items = findings.filter((finding) => finding.severity === severity);
    const texts = items.map(({ seen, remedy }) => make("li", {}, make("b", {}, seen), ` ${remedy}`));
    return items.length ? [make("div", { className }, make("h2", {}, title), make("ul", {}, ...texts))] : [];
  });
}

/**
 * @param {AttributeView} attribute
 * @param {{ [scale: string]: ScoreEstimate }} scores estimated scores, none for most bundles
 */
function attributeRow({ name, title, probability, likelihood, towards, fails, parts }, scores) {
  const score = scores[name];
  const estimate = score && `${score.expected.toFixed(1)} (${score.low} to ${score.high})`;
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, title),
    make("td", { className: fails ? "number low" : "number" }, probabilityText(probability)),
    ...(parts ? [make("td", {}, parts)] : []),
    ...(estimate ? [make("td", { className: "number" }, estimate)] : []),
    make("td", {}, `${likelihood}: ${towards}`),
  );
}

/** @param {Advice} advice */
function adviceOf({ title, strength, seen, change, repeat, reason, sources }) {
  const worth = repeat === "unneeded" ? repeat : `${repeat} to help`;
  const text = `. ${seen} ${change} A repeat in this visit is ${worth}: ${reason}. `;
  const evidence = make("span", { className: "caption" }, `Strength of the evidence ${probabilityText(strength)}. `);
  return make(
    "li",
    {},
    make("b", {}, title),
    text,
    evidence,
    ...sources.map((source) => make("cite", {}, `${source}. `)),
  );
}

/** @param {WorstSlice} slice */
function worstButton({ index, position_mm, p_quality, weakest }) {
  const text = `Slice ${index}: quality ${probabilityText(p_quality)}, lowest ${weakest.toLowerCase()}`;
  return make("button", { type: "button", onclick: () => goTo(position_mm) }, text);
}

/**
 * @param {ScanLine} line
 * @param {ScanResult | null} result
 */
function provenance(line, result) {
  const rows = [["Added", moment(line.added_at)], ...headerRows(line)];
  if (!result) return rows.filter(([, value]) => value);
  const seconds = Object.entries(result.seconds).map(([step, time]) => `${step} ${time.toFixed(2)} s`);
  return [
    ...rows,
    ["Finished", moment(line.finished_at)],
    ["File", result.source],
    ["SHA-256", result.input_sha256],
    ["Bundle", result.bundle ? `${result.bundle.name} ${result.bundle.version}, SHA-256 ${result.bundle.sha256}` : ""],
    ["Threshold", result.threshold === null ? "" : String(result.threshold)],
    ["Time", seconds.join(", ")],
    [
      "Versions",
      Object.entries(result.versions)
        .map((pair) => pair.join(" "))
        .join(", "),
    ],
  ].filter(([, value]) => value);
}

/** @param {ScanLine} line */
function headerRows({ header, series_kind }) {
  const kind = ["Late enhancement", series_kind ?? ""];
  if (!header) return [kind];
  return [
    kind,
    ["Series", header.series],
    ["Protocol", header.protocol],
    ["Sequence", header.sequence],
    ["Inversion time", header.inversion_time_ms === null ? "" : `${header.inversion_time_ms} ms`],
    ["Acquired at", header.acquired_at],
    ["Field strength", header.field_strength_t === null ? "" : `${header.field_strength_t} T`],
    ["Patient", header.patient],
    ["Site", header.site],
    ["Scanner", header.scanner],
  ];
}

// The viewer ---------------------------------------------------------------------------------------------------------

/**
 * @param {ScanResult} result record of a scan with pictures
 * @param {boolean} explained
 */
async function startViewer(result, explained) {
  /** @type {Overlay[]} */
  const overlays = [{ name: "contour", url: `${address}/atrium.nii.gz`, kind: "atrium", opacity: 1 }];
  const heatMap = {
    name: "heat",
    url: heatAddress("quality"),
    kind: /** @type {const} */ ("heat"),
    opacity: 0, // until the user asks for it
  };
  if (explained) overlays.unshift(heatMap); // below the contour
  try {
    viewer = await createViewer(find("#canvas", HTMLCanvasElement), { volume: `${address}/volume.nii.gz`, overlays });
  } catch (error) {
    find("#slice").textContent = `The volume cannot be shown: ${error instanceof Error ? error.message : error}`;
    return;
  }
  const volume = viewer;
  /** @type {AtriumSlice[]} */
  const slices = result.slices.length ? result.slices : (result.measures?.slices ?? []);
  const numbers = new Map(slices.map(({ position_mm }, at) => [volume.sliceAt(position_mm), at]));
  /** @param {number} z */
  const describe = (z) => {
    showPlace(slices[numbers.get(z) ?? -1], numbers.get(z) ?? -1);
    slider.value = String(z);
    for (const control of [slider, find("#canvas")]) control.setAttribute("aria-valuetext", find("#slice").textContent);
  };
  viewer.onSlice(describe);
  slider.max = String(viewer.slices - 1);
  slider.addEventListener("input", () => (volume.slice = slider.valueAsNumber));
  windowBox.addEventListener("input", () => showWindow(volume, result));
  find("#controls").addEventListener("input", changeView);
  goTo(slices[Math.floor(slices.length / 2)].position_mm);
  describe(viewer.slice);
  document.body.dataset.ready = "";
}

/**
 * Describe the slice on show. Its number is its index in the file, as in the report and the tables.
 *
 * @param {AtriumSlice | undefined} slice undefined outside of the atrium
 * @param {number} at its number among the slices of the atrium, or -1
 */
function showPlace(slice, at) {
  const place = `at ${millimetres(slice?.position_mm ?? viewer?.position ?? 0)}`;
  const quality = slice?.p_quality === undefined ? "" : `: quality ${probabilityText(slice.p_quality)}`;
  find("#slice").textContent = slice ? `Slice ${slice.index} ${place}${quality}` : `No left atrium ${place}`;
  strip?.mark(at);
}

/**
 * Show the grey levels that the user chose.
 *
 * @param {Viewer} volume
 * @param {ScanResult} result
 */
function showWindow(volume, { reference }) {
  const { automatic, wide } = volume.windows;
  const blood = reference ? bloodWindow(automatic[0], reference.blood) : automatic;
  volume.setWindow(...{ automatic, wide, blood }[/** @type {"automatic" | "wide" | "blood"} */ (windowBox.value)]);
}

/** @param {Event} event */
async function changeView({ target }) {
  if (!viewer) return;
  if (target instanceof HTMLInputElement && target.name === "view")
    viewer.view = target.value === "axial" ? "axial" : "multiplanar";
  viewer.showOverlay("contour", contour.checked);
  await showBlood(viewer, bloodBox.checked);
  if (target === heat && heat.value) await viewer.replaceHeat("heat", heatAddress(heat.value), opacity.valueAsNumber);
  if (heat.length > 1) viewer.showOverlay("heat", heat.value !== "", opacity.valueAsNumber);
}

/**
 * Show or hide the aorta and the blood pools. The server finds them for each request, so they are requested once, when
 * they are first wanted.
 *
 * @param {Viewer} volume
 * @param {boolean} on
 */
async function showBlood(volume, on) {
  find("#blood-legend").hidden = !on;
  if (on)
    blood ??= Promise.all(
      BLOOD.map((name) => volume.addOverlay({ name, url: `${address}/blood/${name}.nii.gz`, kind: name, opacity: 1 })),
    );
  if (!blood) return;
  try {
    await blood;
    for (const name of BLOOD) volume.showOverlay(name, bloodBox.checked);
  } catch (error) {
    complain(`The aorta and the blood pools cannot be shown: ${error instanceof Error ? error.message : error}`);
  }
}

/** @param {number} position */
function goTo(position) {
  if (viewer) viewer.slice = viewer.sliceAt(position);
}

/** @param {string} scale */
function heatAddress(scale) {
  return `${address}/heat/${scale}.nii.gz`;
}

// --------------------------------------------------------------------------------------------------------------------

async function assessAgain() {
  await retryWhileOffline(() => ask("post", "/api/scans/{number}/assessments", { values: { number } }));
  location.reload();
}

async function remove() {
  await retryWhileOffline(() => ask("delete", "/api/scans/{number}", { values: { number } }));
  location.assign("/");
}

find("#again").addEventListener("click", assessAgain);
find("#delete").addEventListener("click", () => question.showModal());
question.addEventListener("close", () => question.returnValue === "yes" && remove());
retryWhileOffline(() => ask("get", "/api/about", {})).then((about) => {
  showCaution(about);
  find("#reference-note").textContent = about.reference_note;
});
try {
  const { line, result, explained } = await follow();
  if (line.pictured && result) await startViewer(result, explained);
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  complain(error.message);
}
