// Signing in with the token of a link. The part of an address after `#` is never sent, so no log and no proxy sees it.

import { ApiError, readJson } from "./shared/http.js";
import { find } from "./shared/dom.js";

/** @import { SignedIn } from "lgeqa-api" */

const ENTRANCE = "/enter";
const REFUSED =
  "This token is not valid here. The link may be incomplete, a newer link may have replaced it, or it may be of another server. " +
  "Readers get a new link from whoever runs the study. The owner finds it where lgeqa serve was started.";
const refused = find("#refused");
const field = find("#token", HTMLInputElement);

find("#form").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(field.value.trim());
});
addEventListener("hashchange", readAddress);
readAddress();

/** Sign in with the token of the address, and take it out of the address and of the history. */
function readAddress() {
  const { hash, pathname } = location;
  if (!hash) return;
  history.replaceState(null, "", pathname);
  if (hash === "#refused") show(REFUSED);
  if (hash.startsWith("#token=")) signIn(hash.slice("#token=".length));
}

/** @param {string} token */
async function signIn(token) {
  refused.hidden = true;
  try {
    // A header takes no other signs. A token has none.
    const headers = { Authorization: `Bearer ${token.replace(/[^!-~]/g, "")}` };
    /** @type {SignedIn} */
    const { page } = await readJson(await fetch("/api/sign-in", { method: "POST", headers }));
    if (location.pathname === ENTRANCE) location.replace(page);
    else location.reload();
  } catch (error) {
    const offline = "The server cannot be reached. Try again.";
    show(error instanceof ApiError ? (error.status === 401 ? REFUSED : error.message) : offline);
  }
}

/** @param {string} text */
function show(text) {
  refused.textContent = text;
  refused.hidden = false;
  field.focus();
}
