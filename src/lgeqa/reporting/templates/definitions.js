// The definitions of the measures, which open when a link leads to one of them.

/** Open the definitions if the address names one of them. */
export function openDefinitions() {
  const definitions = document.getElementById(location.hash.slice(1))?.closest("#definitions");
  if (definitions instanceof HTMLDetailsElement) definitions.open = true;
}
