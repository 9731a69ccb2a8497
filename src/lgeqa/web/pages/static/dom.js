// Elements with text in them. Text from outside comes in here and never as markup.

/**
 * Make an element.
 *
 * @param {string} tag
 * @param {Object<string, *>} properties of the element, or attributes where it has no such property
 * @param {...(Node|string|null)} children nodes, or text; null is left out
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const DRAWN = "http://www.w3.org/2000/svg";

/** Make an element of a drawing. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(DRAWN, tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

/** The one element that a selector finds. */
export function one(selector) {
  return document.querySelector(selector);
}

/** What a scan can come to, and the states before, in words. */
export const WORDS = {
  queued: "waiting",
  working: "in work",
  diagnostic: "diagnostic",
  "non-diagnostic": "non-diagnostic",
  measured: "measured",
  not_assessable: "not assessable",
  failed: "failed",
};

export const ENDS = ["diagnostic", "non-diagnostic", "measured", "not_assessable", "failed"];

/** The verdict or state of a scan, and what stands beside it. */
export function badges(line) {
  const kind = line.end ?? line.state;
  const flags = line.flags.flatMap((flag) => [" ", make("span", { className: `badge ${flag}` }, flag)]);
  return [make("span", { className: `badge ${kind}` }, WORDS[kind]), ...flags];
}

/** What a user should know before trusting a verdict, in the place that a page has for it. */
export function showCaution({ caution }) {
  one("#caution").textContent = caution;
  one("#caution").hidden = !caution;
}

export function share(probability) {
  return probability === null ? "–" : probability.toFixed(2);
}

/** Return a position or length with its sign and unit. */
export function millimetres(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)} mm`;
}

/** Return a time as 2026-11-27 14:05, on this machine's clock; `iso` is UTC. Swedish writes dates as ISO 8601 does. */
export function moment(iso) {
  return iso ? new Date(iso).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" }) : "–";
}

export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
