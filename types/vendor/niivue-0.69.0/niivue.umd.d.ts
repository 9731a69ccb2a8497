/** What the copy of NiiVue that is delivered with the package puts into the page. */
declare global {
  var niivue: typeof import("@niivue/niivue");
}
export {};
