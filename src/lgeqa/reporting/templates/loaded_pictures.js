// The pictures of a scan from a script beside the report. A page that was opened as a file can load no other data.

import { make } from "./shared/dom.js";

/** @import { ScanPictures } from "lgeqa-api" */

/** @type {WeakMap<HTMLOrSVGScriptElement, (pictures: ScanPictures) => void>} the scripts that are being loaded */
const receivers = new WeakMap();

Object.assign(globalThis, {
  /** @param {ScanPictures} pictures */
  lgeqaPictures(pictures) {
    if (document.currentScript) receivers.get(document.currentScript)?.(pictures);
  },
});

/**
 * Load the pictures of a scan. Null if they cannot be loaded.
 *
 * @param {string} address
 * @returns {Promise<ScanPictures | null>}
 */
export function loadPictures(address) {
  return new Promise((resolve) => {
    const script = make("script", { src: address });
    receivers.set(script, resolve);
    for (const end of ["load", "error"]) {
      script.addEventListener(end, () => {
        script.remove();
        resolve(null); // unless the script had the pictures
      });
    }
    document.head.append(script);
  });
}
