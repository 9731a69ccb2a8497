// The page of a reader, who rates the next scan that is not rated with four keys and Enter.

import { ApiError, ask, newId, retryWhileOffline } from "./shared/http.js";
import { find, make } from "./shared/dom.js";
import { Outbox } from "./outbox.js";
import { EMPTY, RatingForm } from "./rating_form.js";
import { listenToKeys } from "./rating_keys.js";
import { VolumeStage } from "./volume_stage.js";

/** @import { ReaderWorklist } from "lgeqa-api" */
/** @import { Entry } from "./outbox.js" */
/** @import { FormValue, Rating } from "./rating_form.js" */
/** @typedef {FormValue & { seconds: number }} Draft */

const DOUBLE_CLICK_MS = 400;
const STATES = { open: "", rated: " ✓", cannot_rate: " ✓ cannot be rated" };
const goTo = find("#go", HTMLSelectElement);
const cannotBox = find("#cannot", HTMLInputElement);

class ReaderPage {
  #own;
  #form;
  #outbox;
  #stage = new VolumeStage((number) => `/api/reading/${number}/volume`);
  #number = 0; // of the scan on the page
  /** @type {Rating | null} rating of the scan on the page that is saved or waits */
  #rating = null;
  #seconds = 0;
  #ready = false;
  #opened = 0; // counts scans that were opened, so that what arrives late for an earlier one is dropped
  #leftAt = 0;
  #savedText = "";
  /** @type {Map<number, number>} version of the rating of each scan, as far as this page knows */
  #versions = new Map();

  /** @param {ReaderWorklist} own */
  constructor(own) {
    this.#own = own;
    document.title = find("#who").textContent = `${own.study}, ${own.reader}`;
    this.#form = new RatingForm(own.scales, () => this.#keepDraft());
    this.#outbox = new Outbox(own.reader_id, {
      onSaved: ({ number }, answer) => this.#onSaved(number, answer.version, answer.replaced),
      onRefused: (entry) => this.#onRefused(entry),
      onChange: () => this.#showStatus(),
    });
  }

  /** Send what waits, and open the first scan that is not rated. */
  async start() {
    if (this.#own.closed) {
      this.#showClosed();
      await this.#outbox.send();
      return;
    }
    for (const { number, body } of this.#outbox.entries) this.#setState(number, body);
    this.#listen();
    find("#main").hidden = false;
    this.#outbox.send();
    await this.#open((this.#next(0) ?? this.#own.readings[0]).number);
  }

  // One scan ---------------------------------------------------------------------------------------------------------

  /** @param {number} number */
  async #open(number) {
    this.#opened += 1;
    this.#number = number;
    this.#rating = null;
    this.#seconds = 0;
    this.#ready = false;
    find("#scan").textContent = `Scan ${number} of ${this.#own.readings.length}`;
    find("#form").inert = true;
    this.#form.value = EMPTY;
    this.#showProgress();
    await Promise.all([this.#openRating(number, this.#opened), this.#openVolume(number)]);
  }

  /**
   * Show the rating that waits here, or else that of the server, and over it what was set and not saved.
   *
   * @param {number} number
   * @param {number} opened
   */
  async #openRating(number, opened) {
    const known = await ask("get", "/api/reading/{number}", { values: { number } }).catch((error) => {
      if (error instanceof ApiError) this.#refresh();
    });
    if (opened !== this.#opened) return;
    if (known) this.#versions.set(number, Math.max(known.version, this.#versionOf(number)));
    const saved = this.#outbox.lastOf(number)?.body ?? known?.rating ?? null;
    /** @type {Draft | null} */
    const draft = JSON.parse(localStorage.getItem(this.#draftKey) ?? "null");
    const shown = draft ?? (saved && { ...saved, cannot_rate: saved.cannot_rate || null });
    this.#rating = saved;
    this.#form.value = shown ?? EMPTY;
    this.#seconds = shown?.seconds ?? 0;
    this.#ready = true;
    find("#form").inert = false;
    this.#form.focus(shown ? undefined : this.#own.scales[0].name);
  }

  /**
   * Show a scan, and then prepare the one that comes after it.
   *
   * @param {number} number
   */
  async #openVolume(number) {
    if (!(await this.#stage.show(number))) return;
    const next = this.#next(number);
    if (next && next.number !== number) this.#stage.prepare(next.number);
  }

  // Saving -----------------------------------------------------------------------------------------------------------

  #save() {
    if (!this.#ready || performance.now() - this.#leftAt < DOUBLE_CLICK_MS || !this.#form.complete()) return;
    const number = this.#number;
    const { rating } = this.#form;
    if (!this.#isSame(rating, this.#rating)) {
      const known = this.#versionOf(number);
      this.#versions.set(number, known + 1);
      this.#setState(number, rating);
      const { reader_id } = this.#own;
      this.#outbox.add(number, { ...rating, seconds: this.#seconds, save_id: newId(), reader_id, known });
    }
    localStorage.removeItem(this.#draftKey);
    this.#leftAt = performance.now();
    const next = this.#next(number);
    if (next) {
      this.#open(next.number);
      return;
    }
    this.#rating = rating;
    this.#showProgress();
    notify("All scans are rated. You can look at them again and change scores until the study is closed.");
  }

  /**
   * @param {number} number
   * @param {{ scores?: unknown }} rating
   */
  #setState(number, { scores }) {
    this.#own.readings[number - 1].state = scores ? "rated" : "cannot_rate";
  }

  /** @param {number} number */
  #versionOf(number) {
    return this.#versions.get(number) ?? 0;
  }

  /**
   * @param {Rating} rating
   * @param {Rating | null} other
   */
  #isSame(rating, other) {
    /** @param {Rating} values */
    const parts = ({ scores, cannot_rate, comment }) => {
      const named = new Map(Object.entries(scores ?? {}));
      return JSON.stringify([this.#own.scales.map(({ name }) => named.get(name)), cannot_rate, comment]);
    };
    return other !== null && parts(rating) === parts(other);
  }

  #keepDraft() {
    if (!this.#ready) return;
    const { rating, value } = this.#form;
    if (this.#isSame(rating, this.#rating)) localStorage.removeItem(this.#draftKey);
    else localStorage.setItem(this.#draftKey, JSON.stringify({ ...value, seconds: this.#seconds }));
  }

  get #draftKey() {
    return `lgeqa-draft-${this.#own.reader_id}-${this.#number}`;
  }

  /**
   * @param {number} number
   * @param {number} version
   * @param {boolean} replaced whether the server had a rating that this page did not know
   */
  #onSaved(number, version, replaced) {
    this.#versions.set(number, Math.max(version, this.#versionOf(number)));
    this.#savedText = `Saved ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
    if (!replaced) return;
    notify(
      `Scan ${number} was rated in another tab too. The rating of this tab counts. The other one is kept in the history.`,
    );
  }

  /** @param {Entry} entry */
  async #onRefused({ number, refused }) {
    notify(
      `Scan ${number} was not saved: ${refused} Your rating is kept in this browser and sent again when the page is reloaded.`,
    );
    await this.#refresh();
  }

  #showStatus() {
    const { entries } = this.#outbox;
    const unsaved = entries.some(({ later, refused }) => later || refused);
    const status = find("#status");
    status.textContent = unsaved ? `Not saved yet: ${scansOf(entries)}` : entries.length ? "Saving …" : this.#savedText;
    status.classList.toggle("unsaved", unsaved);
  }

  // Progress ---------------------------------------------------------------------------------------------------------

  /**
   * Return the next scan after this one that is not rated, or the first one.
   *
   * @param {number} number
   */
  #next(number) {
    const open = this.#own.readings.filter(({ state }) => state === "open");
    return open.find((reading) => reading.number > number) ?? open.at(0);
  }

  #showProgress() {
    const { readings } = this.#own;
    const done = readings.filter(({ state }) => state !== "open").length;
    Object.assign(find("#progress", HTMLProgressElement), { max: readings.length, value: done });
    find("#rated").textContent = `${done} of ${readings.length} rated`;
    goTo.replaceChildren(
      ...readings.map(({ number, state }) => make("option", { value: number }, `Scan ${number}${STATES[state]}`)),
    );
    goTo.value = String(this.#number);
    find("#back", HTMLButtonElement).disabled = this.#number === 1;
    find("#skip", HTMLButtonElement).disabled = this.#number === readings.length;
  }

  /** Ask the server for the state of the study, which another tab or the owner may have changed. */
  async #refresh() {
    const now = await ask("get", "/api/reading", {}).catch(() => null);
    if (!now) return;
    if (now.reader_id !== this.#own.reader_id) {
      notify(`This browser is now used by ${now.reader}. Open your own link to continue.`);
    } else if (now.closed) {
      this.#showClosed();
    } else if (this.#own.closed) {
      location.reload();
    } else {
      const waiting = new Set(this.#outbox.entries.map(({ number }) => number));
      this.#own.readings = now.readings.map((reading, index) =>
        waiting.has(reading.number) ? this.#own.readings[index] : reading,
      );
      this.#showProgress();
    }
  }

  #showClosed() {
    this.#own.closed = true;
    this.#opened += 1;
    this.#stage.clear();
    find("#main").hidden = true;
    find("#scan").textContent = "This study is closed";
    for (const part of document.querySelectorAll("header label, #ask")) part.setAttribute("hidden", "");
    notify("Nothing more can be rated or seen here. Thank you for reading.");
  }

  // Keys and buttons -------------------------------------------------------------------------------------------------

  #listen() {
    const help = find("#help", HTMLDialogElement);
    const examples = find("#large", HTMLDialogElement);
    listenToKeys(
      this.#stage,
      {
        save: () => this.#save(),
        leave: () => this.#form.focus(),
        score: (score) => this.#form.isOnScale && this.#form.score(score),
      },
      {
        "?": () => help.showModal(),
        c: () => find("#comment").focus(),
        e: () => examples.showModal(),
        n: () => this.#go(1),
        p: () => this.#go(-1),
        x: () => this.#form.setCannotRate(!cannotBox.checked),
      },
    );
    document.addEventListener("visibilitychange", () => document.hidden || this.#refresh());
    setInterval(() => this.#stage.isFilled && !document.hidden && (this.#seconds += 1), 1000);
    find("#form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    goTo.addEventListener("change", () => this.#open(Number(goTo.value)));
    find("#back").addEventListener("click", () => this.#go(-1));
    find("#skip").addEventListener("click", () => this.#go(1));
    find("#ask").addEventListener("click", () => help.showModal());
    find("#enlarge").addEventListener("click", () => examples.showModal());
    find("#examples .pictures").addEventListener("click", () => examples.showModal());
  }

  /** @param {number} step */
  #go(step) {
    const number = this.#number + step;
    if (this.#own.readings[number - 1]) this.#open(number);
  }
}

/** @param {Entry[]} entries */
function scansOf(entries) {
  const numbers = [...new Set(entries.map(({ number }) => number))];
  return `${numbers.length > 1 ? "scans" : "scan"} ${numbers.join(", ")}`;
}

/**
 * Show a notice that stays until it is dismissed, unless it is shown already.
 *
 * @param {string} text
 */
function notify(text) {
  const notices = find("#notices");
  if ([...notices.children].some(({ firstChild }) => firstChild?.textContent === text)) return;
  const close = make("button", { type: "button", "aria-label": "Dismiss" }, "×");
  const notice = make("p", { className: "notice" }, make("span", {}, text), close);
  close.addEventListener("click", () => notice.remove());
  notices.append(notice);
}

const attempt = () => ask("get", "/api/reading", {});
retryWhileOffline(attempt, () => notify("The server cannot be reached. Trying again.")).then(
  (own) => {
    if (own.practice_left && !own.closed) return location.replace("/practice");
    find("#notices").replaceChildren();
    new ReaderPage(own).start();
  },
  (error) => notify(error.message),
);
