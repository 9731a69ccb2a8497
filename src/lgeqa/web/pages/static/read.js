// One reader rates their scans: the next scan that is not rated, four keys, Enter.

import { ask, Refused, untilHeard } from "./api.js";
import { make } from "./dom.js";
import { listenToKeys } from "./keys.js";
import { RatingForm } from "./scales.js";
import { newId, Unsaved } from "./unsaved.js";
import { createViewer } from "./viewer.js";
import { widened } from "./window.js";

const AGAIN_MS = 3000;
const DOUBLE_CLICK_MS = 400;
const ZOOM_STEP = 2 ** 0.5;
const byId = (id) => document.getElementById(id);

let own; // what /api/reading told: reader, readings, scales
let form;
let unsaved;
let viewer = null;
let current = null; // {number, rating, seconds, ready}: the scan on the page
let opened = 0; // counts scans that were opened, so that what comes late for an earlier one is dropped
let leftAt = 0;
const versions = new Map(); // of the rating of each scan, as far as this page knows

start();

async function start() {
  try {
    own = await untilHeard(() => ask("/api/reading"), () => tell("The server cannot be reached. It is tried again."));
  } catch (fault) {
    return tell(fault.message);
  }
  byId("notices").replaceChildren();
  document.title = byId("who").textContent = `${own.study}, ${own.reader}`;
  unsaved = new Unsaved(own.reader_id, { saved: onSaved, changed: showStatus, refused: onRefused });
  if (own.closed) {
    showClosed();
    return unsaved.send();
  }
  for (const { number, body } of unsaved.entries) own.readings[number - 1].state = body.scores ? "rated" : "cannot_rate";
  form = new RatingForm(own.scales, keepDraft);
  listen();
  byId("main").hidden = false;
  unsaved.send();
  await open((next(0) ?? own.readings[0]).number);
}

// ---- one scan ----

async function open(number) {
  viewer?.destroy();
  viewer = null;
  const turn = ++opened;
  current = { number, rating: null, seconds: 0, ready: false };
  byId("scan").textContent = `Scan ${number} of ${own.readings.length}`;
  byId("place").textContent = "";
  byId("form").inert = true;
  form.value = {};
  showProgress();
  await Promise.all([openRating(number, turn), openVolume(number, turn)]);
}

// What counts: a rating that still waits here, else that of the server; and over it what was set and not saved.
async function openRating(number, turn) {
  const known = await ask(`/api/reading/${number}`).catch((fault) => fault instanceof Refused && refresh());
  if (turn !== opened) return;
  if (known) versions.set(number, Math.max(known.version, versions.get(number) ?? 0));
  current.rating = unsaved.of(number)?.body ?? known?.rating ?? null;
  const shown = JSON.parse(localStorage.getItem(draftKey(number))) ?? current.rating;
  if (shown) form.value = { ...shown, cannot_rate: shown.cannot_rate || null };
  current.seconds = shown?.seconds ?? 0;
  current.ready = true;
  byId("form").inert = false;
  form.focus(shown ? undefined : own.scales[0].name);
}

async function openVolume(number, turn) {
  byId("loading").textContent = "Loading the scan …";
  const canvas = make("canvas", { tabindex: "0" });
  byId("stage").replaceChildren(canvas);
  try {
    const made = await createViewer(canvas, { volume: `/api/reading/${number}/volume` });
    if (turn !== opened) return made.destroy();
    viewer = made;
    viewer.home = widened(viewer.window);
    viewer.setWindow(...viewer.home);
    viewer.onSlice(showSlice);
    showSlice(viewer.slice);
    byId("loading").textContent = "";
  } catch (fault) {
    if (turn !== opened) return;
    byId("loading").textContent = `${fault.message} It is tried again.`;
    setTimeout(() => turn === opened && openVolume(number, turn), AGAIN_MS);
  }
}

function showSlice(slice) {
  byId("slice").max = viewer.slices;
  byId("slice").value = slice + 1;
  byId("place").textContent = `${slice + 1} of ${viewer.slices}`;
}

// ---- saving ----

function save() {
  if (!current.ready || performance.now() - leftAt < DOUBLE_CLICK_MS || !form.complete()) return;
  const rating = asRating(form.value);
  if (!isSame(rating, current.rating)) {
    const { number } = current;
    const known = versions.get(number) ?? 0;
    versions.set(number, known + 1);
    own.readings[number - 1].state = rating.scores ? "rated" : "cannot_rate";
    unsaved.add(number, { ...rating, seconds: current.seconds, save_id: newId(), reader_id: own.reader_id, known });
  }
  localStorage.removeItem(draftKey(current.number));
  leftAt = performance.now();
  const after = next(current.number);
  if (after) return open(after.number);
  current.rating = rating;
  showProgress();
  tell("All scans are rated. You can look at them again and change scores until the study is closed.");
}

function asRating({ scores, cannot_rate, comment }) {
  return { scores: cannot_rate === null ? scores : null, cannot_rate: cannot_rate ?? "", comment };
}

function isSame(one, other) {
  const parts = (rating) => rating && JSON.stringify([own.scales.map(({ name }) => rating.scores?.[name]), rating.cannot_rate, rating.comment]);
  return parts(one) === parts(other);
}

function keepDraft() {
  if (!current?.ready) return;
  const value = form.value;
  if (isSame(asRating(value), current.rating)) return localStorage.removeItem(draftKey(current.number));
  localStorage.setItem(draftKey(current.number), JSON.stringify({ ...value, seconds: current.seconds }));
}

function draftKey(number) {
  return `lgeqa-draft-${own.reader_id}-${number}`;
}

function onSaved({ number }, { version, replaced }) {
  versions.set(number, Math.max(version, versions.get(number) ?? 0));
  const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  byId("status").dataset.saved = `Saved ${time}`;
  if (replaced) tell(`Scan ${number} was rated in another tab too. What this tab saved counts now; the other rating is kept in the history.`);
}

async function onRefused(entry) {
  tell(`Scan ${entry.number} was not saved: ${entry.refused} Your rating is kept in this browser and sent again when the page is reloaded.`);
  await refresh();
}

function showStatus() {
  const waiting = unsaved.entries;
  const later = waiting.some((entry) => entry.later || entry.refused);
  const text = later ? `Not saved yet: ${named(waiting)}` : waiting.length ? "Saving …" : (byId("status").dataset.saved ?? "");
  byId("status").textContent = text;
  byId("status").classList.toggle("unsaved", later);
}

function named(entries) {
  const numbers = [...new Set(entries.map((entry) => entry.number))];
  return `${numbers.length > 1 ? "scans" : "scan"} ${numbers.join(", ")}`;
}

// ---- where one is ----

function next(number) {
  const isOpen = ({ state }) => state === "open";
  return own.readings.slice(number).find(isOpen) ?? own.readings.find(isOpen);
}

function showProgress() {
  const done = own.readings.filter(({ state }) => state !== "open").length;
  byId("progress").max = own.readings.length;
  byId("progress").value = done;
  byId("rated").textContent = `${done} of ${own.readings.length} rated`;
  const words = { open: "", rated: " ✓", cannot_rate: " ✓ cannot be rated" };
  byId("go").replaceChildren(...own.readings.map(({ number, state }) => make("option", { value: number }, `Scan ${number}${words[state]}`)));
  byId("go").value = current.number;
  byId("back").disabled = current.number === 1;
  byId("skip").disabled = current.number === own.readings.length;
}

// Another tab may have gone on, and the owner may have closed the study.
async function refresh() {
  const now = await ask("/api/reading").catch(() => null);
  if (!now) return;
  if (now.reader_id !== own.reader_id) return tell(`This browser now belongs to ${now.reader}. Open your own link to go on.`);
  if (now.closed) return showClosed();
  if (own.closed) return location.reload();
  const waiting = new Set(unsaved.entries.map((entry) => entry.number));
  own.readings = now.readings.map((reading, index) => (waiting.has(reading.number) ? own.readings[index] : reading));
  showProgress();
}

function showClosed() {
  own.closed = true;
  opened += 1;
  viewer?.destroy();
  viewer = null;
  byId("main").hidden = true;
  byId("scan").textContent = "This study is closed";
  byId("loading").textContent = "";
  document.querySelectorAll("header label, #ask").forEach((part) => (part.hidden = true));
  tell("Nothing more can be rated or seen here. Thank you for reading.");
}

function tell(text) {
  const shown = [...byId("notices").children].some((one) => one.firstChild.textContent === text);
  if (shown) return;
  const close = make("button", { type: "button", "aria-label": "Dismiss" }, "×");
  const notice = make("p", { className: "notice" }, make("span", {}, text), close);
  close.addEventListener("click", () => notice.remove());
  byId("notices").append(notice);
}

// ---- hands ----

function listen() {
  listenToKeys(
    { save, turn, changeWindow, leave: () => form.focus(), score: (score) => form.isOnScale && form.score(score) },
    {
      "?": () => byId("help").showModal(),
      "+": () => zoom(ZOOM_STEP),
      "=": () => zoom(ZOOM_STEP),
      "-": () => zoom(1 / ZOOM_STEP),
      c: () => byId("comment").focus(),
      e: () => byId("large").showModal(),
      n: () => go(1),
      p: () => go(-1),
      w: resetView,
      x: () => form.refuse(!byId("cannot").checked),
    },
  );
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  setInterval(() => current && viewer && !document.hidden && (current.seconds += 1), 1000);
  byId("form").addEventListener("submit", (event) => (event.preventDefault(), save()));
  byId("go").addEventListener("change", () => open(Number(byId("go").value)));
  byId("back").addEventListener("click", () => go(-1));
  byId("skip").addEventListener("click", () => go(1));
  byId("ask").addEventListener("click", () => byId("help").showModal());
  byId("enlarge").addEventListener("click", () => byId("large").showModal());
  document.querySelector("#examples .pictures").addEventListener("click", () => byId("large").showModal());
  byId("reset").addEventListener("click", resetView);
  byId("larger").addEventListener("click", () => zoom(ZOOM_STEP));
  byId("smaller").addEventListener("click", () => zoom(1 / ZOOM_STEP));
  byId("slice").addEventListener("input", () => viewer && (viewer.slice = byId("slice").value - 1));
}

function go(step) {
  const number = current.number + step;
  if (own.readings[number - 1]) open(number);
}

function resetView() {
  viewer?.setWindow(...viewer.home);
  zoom(0);
}

function zoom(factor) {
  if (viewer) viewer.zoom *= factor;
}

function turn(slices) {
  if (viewer) viewer.slice = Math.min(Math.max(viewer.slice + slices, 0), viewer.slices - 1);
}

// By a share of the window's width, and by a factor.
function changeWindow(shift, factor) {
  if (!viewer) return;
  const [low, high] = viewer.window;
  const level = (low + high) / 2 + shift * (high - low);
  const half = ((high - low) / 2) * factor;
  viewer.setWindow(level - half, level + half);
}
