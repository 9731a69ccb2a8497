// Requests to the server. The types of paths, bodies and answers come from its OpenAPI description.

/** @import { Answer, Method, Options, Path } from "lgeqa-http" */

const DELAYS_MS = [500, 1000, 2000, 4000];

/** A refusal by the server, with its reason. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * Send a request and return the JSON of the answer, or null for an answer without a body.
 *
 * @template {Path} P
 * @template {Method<P>} M
 * @param {M} method
 * @param {P} path path of the OpenAPI description, such as `/api/scans/{number}`
 * @param {Options<P, M>} options `values` of the path, and the `json` of the body
 * @returns {Promise<Answer<P, M>>}
 * @throws {ApiError} the server refused the request
 * @throws {TypeError} there is no connection
 */
export async function ask(method, path, options) {
  const { values = {}, json } = /** @type {{ values?: Record<string, string | number>, json?: unknown }} */ (options);
  const body = json === undefined ? undefined : JSON.stringify(json);
  const headers = body === undefined ? undefined : { "Content-Type": "application/json" };
  return readJson(await fetch(addressOf(path, values), { method: method.toUpperCase(), body, headers }));
}

/**
 * Return the address of a path of the OpenAPI description.
 *
 * @param {Path} path
 * @param {Record<string, string | number>} values value of each part in braces
 */
export function addressOf(path, values) {
  return path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
}

/**
 * Return the JSON of a response. Null if it has no body, as one that says that nothing has changed.
 *
 * @param {Response} response
 * @throws {ApiError} the server refused the request
 */
export async function readJson(response) {
  if (response.status === 204 || response.status === 304) return null;
  await check(response);
  return response.json();
}

/**
 * Check that the server accepted a request.
 *
 * @param {Response} response
 * @throws {ApiError} the server refused the request
 */
export async function check(response) {
  if (!response.ok) throw refusal(response.status, await response.text());
}

/**
 * Return the error for a refusal.
 *
 * @param {number} status
 * @param {string} body
 */
export function refusal(status, body) {
  return new ApiError(status, detailOf(body) ?? `The server answered ${status}.`);
}

/**
 * @param {string} body
 * @returns {string | null}
 */
function detailOf(body) {
  try {
    const { detail } = JSON.parse(body);
    return typeof detail === "string" ? detail : null;
  } catch {
    return null;
  }
}

/**
 * Do what `attempt` does, and try again until there is a connection.
 *
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {() => void} [onOffline] called after each failure
 * @returns {Promise<T>}
 */
export async function retryWhileOffline(attempt, onOffline = () => {}) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof ApiError) throw error;
      onOffline();
      await wait(DELAYS_MS[Math.min(tries, DELAYS_MS.length - 1)]);
    }
  }
}

/**
 * Wait, but no longer than until the browser is online again.
 *
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
export function wait(milliseconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done);
  });
}

/** Return an identifier that no other request has. `crypto.randomUUID` exists in secure contexts only. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
