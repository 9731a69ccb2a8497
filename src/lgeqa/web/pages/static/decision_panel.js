// The worklist on the page of one scan: a person's decision, urgency, and the scans before and after, all by key.

import { addressOf, ask, newId, readJson, retryWhileOffline } from "./shared/http.js";
import { find, make } from "./shared/dom.js";
import { moment, probabilityText } from "./shared/format.js";
import { REASONS } from "./vocabulary.js";

/** @import { Neighbours, SavedDecision, ScanLine } from "lgeqa-api" */

const NAME = "lgeqa-person";
const DONE = "lgeqa-decided";
const PAST = { accept: "accepted", reject: "rejected", withdrawn: "withdrawn" };
/** Keys of the page, and the elements that they press. */
const KEYS = new Map([
  ["a", "#accept"],
  ["r", "#reject"],
  ["u", "#urgent"],
  ["n", "#next"],
  ["p", "#previous"],
]);

/**
 * Fill the panel of a scan, and go on to the next scan after each decision.
 *
 * @param {number} number of the scan
 * @param {(text: string) => void} complain tells what went wrong
 */
export function createPanel(number, complain) {
  const note = find("#note", HTMLInputElement);
  const person = find("#person", HTMLInputElement);
  const why = find("#why", HTMLDialogElement);
  const urgent = find("#urgent", HTMLButtonElement);
  const values = { number };
  let name = "";
  let busy = false;

  /**
   * @param {"accept" | "reject" | "withdrawn"} decision
   * @param {string} [reason]
   */
  async function save(decision, reason = "") {
    if (busy) return;
    busy = true;
    const json = { save_id: newId(), decision, reason, note: note.value, person: person.value };
    const send = () => ask("post", "/api/scans/{number}/decisions", { values, json });
    try {
      showDecisions(await retryWhileOffline(send, () => complain("No connection to the server. Trying again.")));
    } catch (error) {
      complain(error instanceof Error ? error.message : String(error));
      return;
    } finally {
      busy = false;
    }
    const next = find("#next", HTMLAnchorElement);
    if (decision === "withdrawn" || !next.href) return;
    sessionStorage.setItem(DONE, `${name}: ${PAST[decision]}.`);
    location.assign(next.href);
  }

  async function toggleUrgent() {
    const json = { urgent: urgent.getAttribute("aria-pressed") !== "true" };
    const answer = await retryWhileOffline(() => ask("post", "/api/scans/{number}/urgency", { values, json }));
    urgent.setAttribute("aria-pressed", String(answer.urgent));
  }

  find("#accept").addEventListener("click", () => save("accept"));
  find("#reject").addEventListener("click", () => {
    why.returnValue = "cancel";
    why.showModal();
  });
  find("#withdraw").addEventListener("click", () => save("withdrawn"));
  urgent.addEventListener("click", toggleUrgent);
  why.addEventListener("close", () => {
    const chosen = Number(why.returnValue);
    if (!Number.isNaN(chosen)) save("reject", REASONS[chosen - 1] ?? "");
  });
  person.value = localStorage.getItem(NAME) ?? "";
  person.addEventListener("change", () => localStorage.setItem(NAME, person.value));
  for (const input of [note, person]) {
    input.addEventListener("keydown", ({ key }) => key === "Enter" && input.blur()); // keys decide again
  }
  addEventListener("keydown", (event) => pressKey(event, why));
  showBefore();
  showNeighbours(number);
  retryWhileOffline(() => ask("get", "/api/scans/{number}/decisions", { values })).then(showDecisions, () => {});

  return {
    /** @param {ScanLine} line */
    show(line) {
      name = line.name;
      find("#decide").hidden = line.state !== "done";
      urgent.setAttribute("aria-pressed", String(line.urgent));
    },
  };
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLDialogElement} why
 */
function pressKey(event, why) {
  const { target, key, ctrlKey, metaKey, altKey, repeat } = event;
  const isTyping = target instanceof HTMLInputElement && !["radio", "checkbox", "range"].includes(target.type);
  if (isTyping || target instanceof HTMLSelectElement || ctrlKey || metaKey || altKey || repeat) return;
  if (document.querySelector("dialog:modal") && !why.open) return;
  const selector = why.open ? `#why button[value="${/^\d$/.test(key) ? key : "none"}"]` : KEYS.get(key.toLowerCase());
  const element = selector ? document.querySelector(selector) : null;
  if (!(element instanceof HTMLElement) || element.closest("[hidden]")) return;
  event.preventDefault();
  element.click();
}

/** Say what became of the scan before, which the person no longer sees. */
function showBefore() {
  find("#before").textContent = sessionStorage.getItem(DONE) ?? "";
  sessionStorage.removeItem(DONE);
}

/** @param {number} number */
async function showNeighbours(number) {
  const address = `${addressOf("/api/scans/{number}/neighbours", { number })}${location.search}`;
  /** @type {Neighbours} */
  const { previous, next, place, total } = await retryWhileOffline(async () => readJson(await fetch(address)));
  const links = [
    { selector: "#previous", other: previous },
    { selector: "#next", other: next },
  ];
  for (const { selector, other } of links) {
    const link = find(selector, HTMLAnchorElement);
    if (other === null) link.setAttribute("aria-disabled", "true");
    else link.href = `/scans/${other}${location.search}`;
  }
  find("#place").textContent = `Scan ${place} of ${total}`;
}

/** @param {SavedDecision[]} decisions the latest first */
function showDecisions(decisions) {
  const latest = decisions.at(0);
  const counts = latest && latest.decision !== "withdrawn" ? latest : null;
  find("#decided").textContent = counts ? textOf(counts) : "Nobody has decided yet.";
  find("#withdraw").hidden = !counts;
  find("#earlier").hidden = !decisions.length;
  find("#decisions").replaceChildren(
    ...decisions.map((saved) => make("li", { value: saved.version }, `${textOf(saved)} ${modelTextOf(saved)}`)),
  );
}

/** @param {SavedDecision} saved */
function textOf({ decision, reason, note, person, decided_at }) {
  const why = [reason, note].filter(Boolean).join(". ");
  const sign = { accept: "✓ ", reject: "✗ ", withdrawn: "" }[decision];
  return `${sign}${PAST[decision]} by ${person}, ${moment(decided_at)}${why ? `: ${why}` : ""}.`;
}

/** @param {SavedDecision} saved */
function modelTextOf({ model_decision, model_probability }) {
  return model_decision ? `The model said ${model_decision}, probability ${probabilityText(model_probability)}.` : "";
}
