// The keys of the rating page. They hold wherever the focus is, but for texts that are being written.

const SLICES = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5, Home: -Infinity, End: Infinity };
const SHIFTS = { ArrowUp: -0.05, ArrowDown: 0.05 }; // of the window's level: up is brighter
const FACTORS = { ArrowLeft: 2 ** -0.25, ArrowRight: 2 ** 0.25 }; // of its width
const TEXTS = "textarea, input:not([type])";

/**
 * @param {{save: Function, score: Function, leave: Function, turn: Function, changeWindow: Function}} acts `score` takes
 *   1 to 5, `turn` a number of slices, `changeWindow` a shift and a factor; `leave` goes back to the scales
 * @param {Object<string, Function>} letters what other keys do
 */
export function listenToKeys(acts, letters) {
  const press = (event) => {
    const { target, ctrlKey, metaKey, altKey, isComposing } = event;
    if (ctrlKey || metaKey || altKey || isComposing || target.matches("select") || document.querySelector("dialog[open]")) return;
    const act = target.matches(TEXTS) ? actInText(event, acts) : actOutside(event, acts, letters);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  document.addEventListener("keydown", press, { capture: true });
}

function actInText({ key, shiftKey, repeat }, { save, leave }) {
  if (key === "Escape") return leave;
  return key === "Enter" && !shiftKey && (repeat ? () => {} : save);
}

function actOutside({ key, shiftKey, repeat, target }, { save, score, turn, changeWindow }, letters) {
  if (key === "Enter" && target.matches("button:not(#save)")) return null;
  if (shiftKey && key.startsWith("Arrow")) return () => changeWindow(SHIFTS[key] ?? 0, FACTORS[key] ?? 1);
  if (key in SLICES) return () => turn(SLICES[key]);
  const once = key === "Enter" ? save : "12345".includes(key) ? () => score(Number(key)) : letters[key.toLowerCase()];
  return repeat && once && !"+=-".includes(key) ? () => {} : once;
}
