// Ratings that the server has not confirmed yet: kept in this browser, and sent until they are confirmed or refused.

import { ApiError, ask, wait } from "./shared/http.js";

/** @import { SavedRating, SentRating } from "lgeqa-api" */
/**
 * A rating that waits.
 *
 * @typedef {object} Entry
 * @property {number} number number of the scan
 * @property {number} at time of the save
 * @property {SentRating} body
 * @property {boolean} [later] whether it could not be sent yet
 * @property {string} [refused] reason why the server refused it
 */
/**
 * @typedef {object} Callbacks
 * @property {(entry: Entry, answer: SavedRating) => void} onSaved
 * @property {(entry: Entry) => void} onRefused
 * @property {() => void} onChange called whenever something changed
 */

const RETRY_MS = 3000;
const ANSWER_MS = 15000;

export class Outbox {
  #prefix;
  #callbacks;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  #sending = false;
  #timer = 0;

  /**
   * @param {number} readerId
   * @param {Callbacks} callbacks
   */
  constructor(readerId, callbacks) {
    this.#prefix = `lgeqa-unsaved-${readerId}-`;
    this.#callbacks = callbacks;
    Object.keys(localStorage)
      .filter((key) => key.startsWith(this.#prefix))
      .map((key) => /** @type {Entry} */ (JSON.parse(localStorage.getItem(key) ?? "")))
      .sort((a, b) => a.at - b.at)
      .forEach((entry) => this.#entries.set(entry.body.save_id, entry));
    addEventListener("online", () => this.send());
  }

  /** Ratings that wait, in the order of saving. */
  get entries() {
    return [...this.#entries.values()];
  }

  /**
   * Return the last rating of a scan that waits.
   *
   * @param {number} number
   */
  lastOf(number) {
    return this.entries.filter((entry) => entry.number === number).at(-1);
  }

  /**
   * Keep a rating, and send it.
   *
   * @param {number} number number of the scan
   * @param {SentRating} body
   */
  add(number, body) {
    /** @type {Entry} */
    const entry = { number, at: Date.now(), body };
    this.#entries.set(body.save_id, entry);
    try {
      localStorage.setItem(this.#prefix + body.save_id, JSON.stringify(entry));
    } catch {
      // The storage is full or not allowed: the rating is kept as long as the page is open.
    }
    this.send();
  }

  /** Send the ratings that wait, and try again later if there is no connection. */
  async send() {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    let entry = this.#next;
    while (entry && (await this.#post(entry))) entry = this.#next;
    this.#sending = false;
    if (entry) this.#timer = setTimeout(() => this.send(), RETRY_MS);
    this.#callbacks.onChange();
  }

  get #next() {
    return this.entries.find(({ refused }) => !refused);
  }

  /**
   * Send a rating. Return whether it was confirmed or refused; if not, it is sent again later.
   *
   * @param {Entry} entry
   */
  async #post(entry) {
    this.#callbacks.onChange();
    const { number, body } = entry;
    try {
      const sent = ask("post", "/api/reading/{number}/ratings", { values: { number }, json: body });
      const answer = await Promise.race([sent, noAnswer()]);
      this.#entries.delete(body.save_id);
      localStorage.removeItem(this.#prefix + body.save_id);
      this.#callbacks.onSaved(entry, answer);
      return true;
    } catch (error) {
      entry.later = !(error instanceof ApiError) || error.status >= 500;
      if (entry.later) return false;
      entry.refused = /** @type {ApiError} */ (error).message;
      this.#callbacks.onRefused(entry);
      return true;
    }
  }
}

/** @returns {Promise<never>} rejected after a while */
async function noAnswer() {
  await wait(ANSWER_MS);
  throw new TypeError("The server does not answer.");
}
