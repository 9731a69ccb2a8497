// The owner's list of studies, and making one.

import { ask } from "./api.js";
import { make } from "./dom.js";

const byId = (id) => document.getElementById(id);

byId("new").addEventListener("submit", (event) => (event.preventDefault(), create()));
list();

async function list() {
  const studies = await ask("/api/studies").catch(show);
  if (!studies) return;
  byId("none").hidden = studies.length > 0;
  byId("all").hidden = studies.length === 0;
  byId("studies").replaceChildren(...studies.map(row));
}

function row({ id, name, closed_at, scans, readers, made_at }) {
  const sum = (of) => readers.reduce((total, reader) => total + of(reader), 0);
  const done = sum(({ rated, cannot_rate }) => rated + cannot_rate);
  const cells = [closed_at ? "closed" : "open", scans, readers.length, `${done} of ${sum(({ readings }) => readings)}`, made_at.slice(0, 10)];
  const head = make("th", { scope: "row" }, make("a", { href: `/studies/${id}` }, name));
  return make("tr", {}, head, ...cells.map((cell) => make("td", typeof cell === "number" ? { className: "number" } : {}, `${cell}`)));
}

async function create() {
  const button = byId("new").querySelector("button");
  button.disabled = true;
  byId("busy").textContent = "Reading the scans …";
  byId("fault").textContent = "";
  const made = await ask("/api/studies", { method: "POST", json: await filledIn() }).catch(show);
  button.disabled = false;
  byId("busy").textContent = "";
  if (!made) return;
  if (!made.left_out.length) return location.assign(`/studies/${made.id}`);
  byId("left").textContent = `The study has ${made.scans} scans. These could not be used:`;
  byId("out").replaceChildren(...made.left_out.map((fault) => make("li", {}, fault)));
  byId("on").href = `/studies/${made.id}`;
  byId("made").hidden = false;
  byId("on").focus();
  list();
}

async function filledIn() {
  return {
    name: byId("name").value,
    folder: byId("place").value.trim(),
    patients: (await byId("patients").files[0]?.text()) ?? "",
    repeat_share: byId("share").valueAsNumber / 100,
    seed: byId("seed").valueAsNumber,
  };
}

function show(fault) {
  byId("fault").textContent = fault.message;
}
