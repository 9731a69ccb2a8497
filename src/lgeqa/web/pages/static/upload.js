// From what a person dropped or chose to uploads, each of the files that make one scan or cannot be told apart.

import { Refused, reasonOf, untilHeard } from "./api.js";

const SINGLE = /\.(nrrd|nii|nii\.gz|mha|zip)$/i;
const PAIRED = /^(data|shrinkwrap)\./i;

/**
 * Files with their paths, from a drop.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<{path: string, file: File}[]>}
 */
export async function filesOf(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const found = items.map((item) => [item.webkitGetAsEntry?.(), item.getAsFile()]);
  const lists = found.map(([entry, file]) => (entry ? filesBelow(entry) : [{ path: file.name, file }]));
  return (await Promise.all(lists)).flat();
}

/** Files with their paths, from a file input. */
export function filesIn(input) {
  return [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Sort files into uploads: a volume alone, a scan with its mask, and all others by the folder that was given. */
export function uploadsOf(files) {
  const groups = new Map();
  for (const one of files.filter(({ file }) => !file.name.startsWith("."))) {
    const key = groupOf(one.path, one.file.name);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((group) => ({
    key: newKey(),
    name: group.length === 1 ? group[0].path : `${group[0].path.split("/")[0]} (${group.length} files)`,
    bytes: group.reduce((sum, { file }) => sum + file.size, 0),
    files: group,
  }));
}

/**
 * Send one upload; a lost connection is waited for, and what had arrived is not taken twice.
 *
 * @returns {Promise<{scans: object[], refused: string[]}>}
 * @throws {Refused} with the server's reason
 */
export function send(upload, { onProgress, onLost }) {
  return untilHeard(() => sendOnce(upload, onProgress), onLost);
}

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
      else reject(new Refused(request.status, reasonOf(request.status, request.responseText)));
    };
    request.send(form);
  });
}

function groupOf(path, name) {
  if (PAIRED.test(name)) return path.slice(0, -name.length);
  return SINGLE.test(name) ? path : path.split("/").slice(0, -1)[0] ?? "";
}

// crypto.randomUUID is there for secure contexts alone, and a server in a lab's network may have none.
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function filesBelow(entry, above = "") {
  const path = `${above}${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ path, file }];
  }
  const lists = (await entriesOf(entry)).map((child) => filesBelow(child, `${path}/`));
  return (await Promise.all(lists)).flat();
}

// A folder's reader gives its entries in parts, the last of which is empty.
async function entriesOf(folder) {
  const reader = folder.createReader();
  const entries = [];
  for (;;) {
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return entries;
    entries.push(...part);
  }
}
