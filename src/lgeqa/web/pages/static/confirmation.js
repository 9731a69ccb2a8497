// A question that the owner answers before something is done that cannot simply be undone.

import { make } from "./shared/dom.js";

/**
 * Ask in a dialog, and return whether the action was chosen. Escape means no.
 *
 * @param {string} question
 * @param {string} action text of the button
 * @returns {Promise<boolean>}
 */
export function confirmed(question, action) {
  const dialog = make(
    "dialog",
    { className: "question", "aria-labelledby": "question" },
    make("p", { id: "question" }, question),
    make(
      "form",
      { method: "dialog", className: "row" },
      make("button", { autofocus: true, value: "" }, "Cancel"),
      make("button", { className: "main", value: "yes" }, action),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
