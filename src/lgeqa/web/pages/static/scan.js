// The page of one scan: what it came to, why, and the volume to look at.

import { ask, Refused, untilHeard, waitFor } from "./api.js";
import { badges, make, millimetres, moment, one, share, showCaution } from "./dom.js";
import { measureRow } from "./measures.js";
import { stripOf } from "./strip.js";
import { createViewer } from "./viewer.js";

const WAIT_MS = 500;
const BLOOD = ["aorta", "pools"];

const number = Number(location.pathname.split("/").at(-1));
const address = `/api/scans/${number}`;
let viewer = null;
let strip = null;
let blood = null;

async function follow() {
  for (;;) {
    const part = await untilHeard(() => ask(address), () => complain("No connection to the server. Trying again."));
    one("#lost").hidden = true;
    show(part);
    if (part.line.state === "done") return part;
    await waitFor(WAIT_MS);
  }
}

function complain(text) {
  one("#lost").textContent = text;
  one("#lost").hidden = false;
}

function show({ line, result, attributes, bars, worst, explained, refusal_title: refused, measures, levels, sensitive }) {
  document.title = `lgeqa: ${line.name}`;
  one("#name").textContent = line.name;
  const probability = line.probability === null ? "" : ` probability ${share(line.probability)} of being diagnostic`;
  if (one("#verdict").dataset.kind !== (line.end ?? line.state)) one("#verdict").replaceChildren(...badges(line), probability);
  one("#verdict").dataset.kind = line.end ?? line.state;
  one("#findings").replaceChildren(...(result ? findingsOf(result, refused) : []));
  one("#message").textContent = result?.findings.length ? "" : line.message;
  const crossing = make("b", {}, ` One of these lies on the other side of the threshold of ${result?.threshold}: look at the scan.`);
  one("#levels").replaceChildren(levels, ...(sensitive ? [crossing] : []));
  one("#again").disabled = line.state !== "done";
  one("#report").hidden = line.state !== "done";
  one("#report").href = `/api/report.html?id=${line.id}`;
  one("#assessed").hidden = result?.status !== "assessed";
  one("#pictured").hidden = !line.pictured;
  one("#measured").hidden = !measures.length;
  one("#measures tbody").replaceChildren(...measures.map(measureRow));
  showHeatControls(attributes, explained);
  one("#provenance").replaceChildren(...provenance(line, result).flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)]));
  one("#warned").hidden = !result?.warnings.length;
  one("#warnings").replaceChildren(...(result?.warnings ?? []).map((warning) => make("li", {}, warning)));
  if (result?.status === "assessed") showAssessed(result, attributes, bars, worst);
}

function showAssessed(result, attributes, bars, worst) {
  const tie = result.tie ? " A tie: the mean probability decided." : "";
  one("#vote").textContent = `${result.votes_diagnostic} of ${result.votes_total} slices count as diagnostic.${tie}`;
  strip = stripOf(result, bars, (slice) => goTo(slice.position_mm));
  one("#strip").replaceChildren(strip.element);
  one("#worst").replaceChildren(...worst.map((slice) => make("li", {}, worstButton(slice))));
  one("#attributes tbody").replaceChildren(...attributes.map(attributeRow));
  const failing = attributes.filter(({ fails }) => fails);
  one("#what-to-do").hidden = !failing.length;
  one("#advice").replaceChildren(...failing.map(adviceOf));
}

function showHeatControls(attributes, explained) {
  one("#heat").parentElement.hidden = one("#opacity").parentElement.hidden = one("#legend").hidden = !explained;
  if (explained && one("#heat").length === 1) {
    one("#heat").append(...attributes.map(({ name, title }) => make("option", { value: name }, title)));
    one("#heat").value = "quality";
  }
}

/** What speaks against a verdict: refusals, then what a person should look at. */
function findingsOf({ findings }, refused) {
  return [["refused", refused], ["review", "Review before use:"]].flatMap(([severity, title]) => {
    const items = findings.filter((finding) => finding.severity === severity);
    const list = make("ul", {}, ...items.map(({ seen, remedy }) => make("li", {}, make("b", {}, seen), ` ${remedy}`)));
    const kind = severity === "refused" ? "gate refused" : "gate";
    return items.length ? [make("div", { className: kind }, make("h2", {}, title), list)] : [];
  });
}

function attributeRow({ title, probability, likelihood, towards, fails }) {
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, title),
    make("td", { className: fails ? "number low" : "number" }, share(probability)),
    make("td", {}, `${likelihood}: ${towards}`),
  );
}

function adviceOf({ title, advice, sources }) {
  const cited = sources.map(({ citation, doi }) => make("cite", {}, `${citation}, doi:${doi}`));
  return make("li", {}, make("b", {}, title), `: ${advice}`, ...cited);
}

function worstButton({ index, position_mm, p_quality, weakest }) {
  const text = `Slice ${index}: quality ${share(p_quality)}, lowest ${weakest.toLowerCase()}`;
  return make("button", { type: "button", onclick: () => goTo(position_mm) }, text);
}

function provenance(line, result) {
  const rows = [["Added", moment(line.added_at)]];
  if (!result) return rows;
  const seconds = Object.entries(result.seconds).map(([step, time]) => `${step} ${time.toFixed(2)} s`);
  return [
    ...rows,
    ["Finished", moment(line.finished_at)],
    ["File", result.source],
    ["SHA-256", result.input_sha256],
    ["Bundle", result.bundle ? `${result.bundle.name} ${result.bundle.version}, SHA-256 ${result.bundle.sha256}` : ""],
    ["Threshold", result.threshold === null ? "" : String(result.threshold)],
    ["Time", seconds.join(", ")],
    ["Versions", Object.entries(result.versions).map((pair) => pair.join(" ")).join(", ")],
  ].filter(([, value]) => value);
}

// The viewer ---------------------------------------------------------------------------------------------------------

async function view({ result, explained }) {
  const overlays = [{ name: "contour", url: `${address}/atrium.nii.gz`, kind: "contour", opacity: 1 }];
  if (explained) overlays.push({ name: "heat", url: heatAddress("quality"), kind: "heat", opacity: opacity() });
  try {
    viewer = await createViewer(one("#canvas"), { volume: `${address}/volume.nii.gz`, overlays });
  } catch (fault) {
    one("#slice").textContent = `The volume cannot be shown: ${fault.message}`;
    return;
  }
  const slices = result.slices.length ? result.slices : result.measures.slices;
  const shown = new Map(slices.map((slice) => [viewer.sliceAt(slice.position_mm), slice]));
  viewer.onSlice((z) => tellSlice(shown.get(z)));
  one("#controls").addEventListener("input", changeView);
  goTo(slices[Math.floor(slices.length / 2)].position_mm);
  tellSlice(shown.get(viewer.slice));
  document.body.dataset.ready = "";
}

// The number of a slice is its index in the file, here as in the report and the tables.
function tellSlice(slice) {
  const place = `at ${millimetres(slice?.position_mm ?? viewer.position)}`;
  const quality = slice?.p_quality === undefined ? "" : `: quality ${share(slice.p_quality)}`;
  one("#slice").textContent = slice ? `Slice ${slice.index} ${place}${quality}` : `No left atrium ${place}`;
  strip?.mark(slice);
}

async function changeView({ target }) {
  if (target.name === "view") viewer.view = target.value;
  viewer.showOverlay("contour", one("#contour").checked);
  await showBlood(one("#blood").checked);
  if (target.id === "heat" && target.value) await viewer.replaceHeat("heat", heatAddress(target.value), opacity());
  if (one("#heat").length > 1) viewer.showOverlay("heat", one("#heat").value !== "", opacity());
}

// The server finds them in the scan for each request, so they are asked for once they are wanted.
async function showBlood(on) {
  one("#blood-legend").hidden = !on;
  const overlays = BLOOD.map((name) => ({ name, url: `${address}/blood/${name}.nii.gz`, kind: name, opacity: 1 }));
  if (on) blood ??= Promise.all(overlays.map((overlay) => viewer.addOverlay(overlay)));
  if (!blood) return;
  try {
    await blood;
    for (const name of BLOOD) viewer.showOverlay(name, one("#blood").checked);
  } catch (fault) {
    complain(`The aorta and the blood pools cannot be shown: ${fault.message}`);
  }
}

function goTo(position) {
  if (viewer) viewer.slice = viewer.sliceAt(position);
}

function heatAddress(scale) {
  return `${address}/heat/${scale}.nii.gz`;
}

function opacity() {
  return Number(one("#opacity").value);
}

// --------------------------------------------------------------------------------------------------------------------

async function assessAgain() {
  await untilHeard(() => ask(`${address}/assessments`, { method: "POST" }));
  location.reload();
}

async function remove() {
  await untilHeard(() => ask(address, { method: "DELETE" }));
  location.assign("/");
}

one("#again").addEventListener("click", assessAgain);
one("#delete").addEventListener("click", () => one("#sure").showModal());
one("#sure").addEventListener("close", ({ target }) => target.returnValue === "yes" && remove());
untilHeard(() => ask("/api/about")).then((about) => {
  showCaution(about);
  one("#reference-note").textContent = about.reference_note;
});
try {
  const part = await follow();
  if (part.line.pictured) await view(part);
} catch (fault) {
  if (!(fault instanceof Refused)) throw fault;
  complain(fault.message);
}
