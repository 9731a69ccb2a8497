// Uploads from the files that a person dropped or chose. Each has the files that make one scan or belong together.

import { newId, refusal, retryWhileOffline } from "./shared/http.js";

/** @import { Added } from "lgeqa-api" */
/** @typedef {{ path: string, file: File }} PathedFile */
/** @typedef {{ key: string, name: string, files: PathedFile[] }} Upload */

const SINGLE = /\.(nrrd|nii|nii\.gz|mha|zip)$/i;
const PAIRED = /^(data|shrinkwrap)\./i;

/**
 * Return the dropped files with their paths.
 *
 * @param {DataTransfer} transfer
 */
export async function filesOf(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  // Both are read before the first wait, after which a drop is empty.
  const dropped = items.map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  const lists = dropped.map(({ entry, file }) => (entry ? filesBelow(entry) : file ? [{ path: file.name, file }] : []));
  return (await Promise.all(lists)).flat();
}

/**
 * Return the chosen files of an input with their paths.
 *
 * @param {HTMLInputElement} input
 * @returns {PathedFile[]}
 */
export function filesIn(input) {
  return [...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/**
 * Sort files into uploads: a volume alone, a scan with its mask, and all others by their folder.
 *
 * @param {PathedFile[]} files
 * @returns {Upload[]}
 */
export function uploadsOf(files) {
  /** @type {Map<string, PathedFile[]>} */
  const groups = new Map();
  for (const pathed of files.filter(({ file }) => !file.name.startsWith("."))) {
    const key = groupOf(pathed.path, pathed.file.name);
    groups.set(key, [...(groups.get(key) ?? []), pathed]);
  }
  return [...groups.values()].map((group) => ({
    key: newId(),
    name: group.length === 1 ? group[0].path : `${group[0].path.split("/")[0]} (${group.length} files)`,
    files: group,
  }));
}

/**
 * Send an upload. It is sent again after a lost connection, and the server takes it once.
 *
 * @param {Upload} upload
 * @param {(share: number) => void} onProgress
 * @param {() => void} onOffline
 * @returns {Promise<Added>}
 * @throws {ApiError} the server refused the upload
 */
export function send(upload, onProgress, onOffline) {
  return retryWhileOffline(() => sendOnce(upload, onProgress), onOffline);
}

/**
 * @param {Upload} upload
 * @param {(share: number) => void} onProgress
 * @returns {Promise<Added>}
 */
function sendOnce({ key, files }, onProgress) {
  const form = new FormData();
  files.forEach(({ path, file }) => form.append("file", file, path));
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/uploads");
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onerror = () => reject(new TypeError("no connection"));
    request.onload = () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText));
      else reject(refusal(request.status, request.responseText));
    };
    request.send(form);
  });
}

/**
 * @param {string} path
 * @param {string} name
 */
function groupOf(path, name) {
  if (PAIRED.test(name)) return path.slice(0, -name.length);
  return SINGLE.test(name) ? path : (path.split("/").slice(0, -1)[0] ?? "");
}

/**
 * @param {FileSystemEntry} entry
 * @param {string} [parent] path of its folder
 * @returns {Promise<PathedFile[]>}
 */
async function filesBelow(entry, parent = "") {
  const path = `${parent}${entry.name}`;
  if (entry.isFile) {
    const fileEntry = /** @type {FileSystemFileEntry} */ (entry);
    /** @type {File} */
    const file = await new Promise((resolve, reject) => fileEntry.file(resolve, reject));
    return [{ path, file }];
  }
  const children = await childrenOf(/** @type {FileSystemDirectoryEntry} */ (entry));
  return (await Promise.all(children.map((child) => filesBelow(child, `${path}/`)))).flat();
}

/**
 * Return the entries of a folder, which come in parts. The last part is empty.
 *
 * @param {FileSystemDirectoryEntry} folder
 */
async function childrenOf(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const children = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return children;
    children.push(...part);
  }
}
