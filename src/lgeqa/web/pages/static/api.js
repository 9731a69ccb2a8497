// Talking to the server: what it refuses is told, and what gets lost on the way is tried again.

const PATIENCE_MS = [500, 1000, 2000, 4000];

/** The server said no, and why. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * Send a request and give the answer's JSON; null for an answer without any.
 *
 * @throws {Refused} with the server's reason
 * @throws {TypeError} when there is no connection
 */
export async function ask(path, { method = "GET", json, headers = {} } = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json);
  const type = body ? { "Content-Type": "application/json" } : {};
  const answer = await fetch(path, { method, body, headers: { ...type, ...headers } });
  if (answer.status === 304 || answer.status === 204) return null;
  if (!answer.ok) throw new Refused(answer.status, await reason(answer));
  return answer.json();
}

/** Why an answer is no good, in one line. */
export async function reason(answer) {
  return reasonOf(answer.status, await answer.text());
}

/** The same of a status and a body. */
export function reasonOf(status, text) {
  let told;
  try {
    told = JSON.parse(text).detail;
  } catch {
    told = null;
  }
  if (typeof told === "string") return told;
  if (Array.isArray(told)) return told.map((part) => `${part.loc.at(-1)}: ${part.msg}`).join("; ");
  return `The server answered ${status}.`;
}

/** Do what `attempt` does, again and again until there is a connection; `onLost` hears of each failure. */
export async function untilHeard(attempt, onLost = () => {}) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (fault) {
      if (fault instanceof Refused) throw fault;
      onLost(fault);
      await waitFor(PATIENCE_MS[Math.min(tries, PATIENCE_MS.length - 1)]);
    }
  }
}

/** A moment's wait, cut short when the browser hears that it is on line again. */
export function waitFor(milliseconds) {
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
