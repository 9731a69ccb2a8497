// The form above the list: which scans are shown, and in what order. A browser's tab keeps it while scans are looked at.

import { find } from "./shared/dom.js";

const KEPT = "lgeqa-list";
const PLAIN = ["text", "decision", "human", "urgent", "since", "until"];

/** The form of filters and order. */
export class ListFilters {
  #form = find("#filters", HTMLFormElement);

  /** @param {() => void} onChange called when other scans are wanted */
  constructor(onChange) {
    this.#restore();
    const change = () => {
      sessionStorage.setItem(KEPT, JSON.stringify([...this.#data]));
      onChange();
    };
    this.#form.addEventListener("input", change);
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("reset", () => setTimeout(change));
  }

  /** Whether pictures are shown instead of a table. */
  get isMosaic() {
    return this.#data.get("view") === "mosaic";
  }

  /** The value of the header by which the scans are grouped, or nothing. */
  get group() {
    return /** @type {"patient" | "site" | "scanner" | ""} */ (this.#data.get("group") ?? "");
  }

  /** The query of the scans that are wanted. */
  get query() {
    const data = this.#data;
    const query = new URLSearchParams(String(data.get("kind")));
    for (const name of PLAIN) if (data.get(name)) query.set(name, String(data.get(name)));
    const [field, relation, limit] = ["field", "relation", "limit"].map((name) => data.get(name));
    if (field && limit) query.set("where", `${field}${relation}${limit}`);
    return query;
  }

  /** The query of the scans that are wanted, in their order. */
  get ordered() {
    const query = this.query;
    const [sort, descending] = String(this.#data.get("sort")).split(":");
    query.set("sort", sort);
    query.set("descending", descending);
    if (this.#data.get("urgent_first")) query.set("urgent_first", "true");
    if (this.group) query.set("group", this.group);
    return query;
  }

  get #data() {
    return new FormData(this.#form);
  }

  #restore() {
    const kept = sessionStorage.getItem(KEPT);
    if (!kept) return;
    const values = new Map(/** @type {[string, string][]} */ (JSON.parse(kept)));
    for (const element of this.#form.elements) {
      if (element instanceof HTMLSelectElement) element.value = values.get(element.name) ?? "";
      if (!(element instanceof HTMLInputElement)) continue;
      const isBox = ["checkbox", "radio"].includes(element.type);
      if (isBox) element.checked = values.get(element.name) === element.value;
      else element.value = values.get(element.name) ?? "";
    }
  }
}
