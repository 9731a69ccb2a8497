// Numbers and times as texts.

const MINUS = "\u2212";

/**
 * Return a number with its sign.
 *
 * @param {number} value
 * @param {number} [decimals]
 */
export function signed(value, decimals = 2) {
  return `${value < 0 ? MINUS : "+"}${Math.abs(value).toFixed(decimals)}`;
}

/**
 * Return a position or length with its sign and unit.
 *
 * @param {number} value
 */
export function millimetres(value) {
  return `${signed(value, 1)} mm`;
}

/**
 * Return a probability with two decimals, as .81, > .99 or < .01, or a dash if there is none.
 *
 * @param {number | null} probability
 */
export function probabilityText(probability) {
  if (probability === null) {
    return "–";
  }
  const text = probability.toFixed(2);
  return { "1.00": "> .99", "0.00": "< .01" }[text] ?? text.replace(/^0/, "");
}

/**
 * Return a time as 2026-11-27 14:05, on this machine's clock. Swedish writes dates as ISO 8601 does.
 *
 * @param {string | null} iso time in UTC
 */
export function moment(iso) {
  return iso ? new Date(iso).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" }) : "–";
}

/**
 * Return a count with its noun.
 *
 * @param {number} count
 * @param {string} noun
 */
export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
