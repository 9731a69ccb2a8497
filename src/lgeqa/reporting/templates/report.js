// The report: its table, and the parts of the scans, which are built when they are first opened.

import { openDefinitions } from "./definitions.js";
import { loadPictures } from "./loaded_pictures.js";
import { PictureViewer } from "./picture_viewer.js";
import { startScanTable } from "./scan_table.js";
import { find } from "./shared/dom.js";
import { voteStrip } from "./shared/vote_strip.js";

/** @typedef {HTMLDetailsElement} Part part of the page about one scan */

/**
 * Draw the vote and the pictures of a scan, unless they are drawn already.
 *
 * @param {Part} part
 */
async function build(part) {
  const vote = takeData(part, ".vote-data");
  /** @type {PictureViewer | null} */
  let viewer = null;
  const strip =
    vote && voteStrip(vote.vote, vote.bars, (number) => (viewer ? viewer.show(number) : strip?.mark(number)));
  if (strip) find(".vote", HTMLElement, part).replaceChildren(strip.element);
  const pictures = takeData(part, ".pictures-data") ?? (await takePictures(part));
  if (!pictures) return;
  viewer = new PictureViewer(part, pictures, strip);
  viewer.load();
}

/**
 * Return the data that a script element of a part holds, and remove the element. Null if it is not there.
 *
 * @param {Part} part
 * @param {string} selector
 */
function takeData(part, selector) {
  const holder = part.querySelector(selector);
  holder?.remove();
  return holder && JSON.parse(holder.textContent ?? "");
}

/**
 * Load the pictures of a part from the file that it names, or say that they are missing. Null if it names none.
 *
 * @param {Part} part
 */
async function takePictures(part) {
  const place = part.querySelector("[data-address]");
  if (!(place instanceof HTMLElement)) return null;
  const { address = "" } = place.dataset;
  place.removeAttribute("data-address");
  place.textContent = "Loading the pictures …";
  const pictures = await loadPictures(address);
  if (!pictures) {
    place.textContent =
      "The pictures of this scan are not beside this page. Keep the folder “pictures” with the report, or run the same command again to draw them.";
  }
  return pictures;
}

/** Open the part that the address names. */
function openLinked() {
  openDefinitions();
  const target = document.getElementById(location.hash.slice(1));
  if (!(target instanceof HTMLDetailsElement && target.matches(".scan"))) return;
  target.hidden = false;
  target.open = true;
  find("summary", HTMLElement, target).focus();
  target.scrollIntoView();
}

/** @type {NodeListOf<Part>} */
const parts = document.querySelectorAll("details.scan");
for (const part of parts) part.addEventListener("toggle", () => part.open && build(part));
find("#open-all").addEventListener("click", () => parts.forEach((part) => (part.open ||= !part.hidden)));
find("#close-all").addEventListener("click", () => parts.forEach((part) => (part.open = false)));
find("#print").addEventListener("click", () => print());
addEventListener("hashchange", openLinked);
if (document.querySelector("#scans")) {
  startScanTable();
  find("#scans").addEventListener("click", ({ target }) => {
    const link = target instanceof Element && target.closest("a");
    if (link && link.hash === location.hash) openLinked(); // a link to the same place changes no hash
  });
}
openLinked();
