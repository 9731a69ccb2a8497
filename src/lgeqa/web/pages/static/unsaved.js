// Ratings that the server has not confirmed yet: kept in this browser, and sent until they are confirmed or refused.

import { ask, Refused, waitFor } from "./api.js";

const RETRY_MS = 3000;
const PATIENCE_MS = 15000;

/** An id that no other save has, also where the page is not from this machine and `randomUUID` is missing. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Unsaved {
  #prefix;
  #told;
  #entries = new Map();
  #sending = false;
  #timer = 0;

  /**
   * @param {number} readerId whose ratings these are
   * @param {{saved: Function, changed: Function, refused: Function}} told called with an entry and the server's
   *   answer; with nothing whenever something changed; with an entry and the reason
   */
  constructor(readerId, told) {
    this.#prefix = `lgeqa-unsaved-${readerId}-`;
    this.#told = told;
    Object.keys(localStorage)
      .filter((key) => key.startsWith(this.#prefix))
      .map((key) => JSON.parse(localStorage.getItem(key)))
      .sort((one, other) => one.at - other.at)
      .forEach((entry) => this.#entries.set(entry.body.save_id, entry));
    addEventListener("online", () => this.send());
  }

  /** Entries that wait, in the order of saving: `{number, at, body}`, and `refused` with the reason if so. */
  get entries() {
    return [...this.#entries.values()];
  }

  /** The last entry of a scan that waits. */
  of(number) {
    return this.entries.findLast((entry) => entry.number === number);
  }

  add(number, body) {
    const entry = { number, at: Date.now(), body };
    this.#entries.set(body.save_id, entry);
    try {
      localStorage.setItem(this.#prefix + body.save_id, JSON.stringify(entry));
    } catch {
      // A full or closed store: the entry lives as long as the page.
    }
    this.send();
  }

  async send() {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    let entry;
    while ((entry = this.entries.find((one) => !one.refused)) && (await this.#post(entry)));
    this.#sending = false;
    if (entry) this.#timer = setTimeout(() => this.send(), RETRY_MS);
    this.#told.changed();
  }

  // Whether it was dealt with; if not it is sent again later.
  async #post(entry) {
    this.#told.changed();
    const sent = ask(`/api/reading/${entry.number}/ratings`, { method: "POST", json: entry.body });
    const late = waitFor(PATIENCE_MS).then(() => Promise.reject(new TypeError("No answer came.")));
    try {
      const answer = await Promise.race([sent, late]);
      this.#entries.delete(entry.body.save_id);
      localStorage.removeItem(this.#prefix + entry.body.save_id);
      this.#told.saved(entry, answer);
      return true;
    } catch (fault) {
      entry.later = !(fault instanceof Refused) || fault.status >= 500;
      if (entry.later) return false;
      entry.refused = fault.message;
      this.#told.refused(entry);
      return true;
    }
  }
}
