// Elements of the page, found and made. Text from outside enters the page here, and never as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Return the first element that a selector finds.
 *
 * @template {Element} [T=HTMLElement]
 * @param {string} selector
 * @param {new () => T} [kind] class that the element must have
 * @param {ParentNode} [root] where to look
 * @returns {T}
 * @throws {Error} if there is no such element
 */
export function find(selector, kind, root = document) {
  const element = root.querySelector(selector);
  if (element instanceof (kind ?? HTMLElement)) return /** @type {T} */ (element);
  throw new Error(`The page has no ${selector}.`);
}

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [properties] properties of the element, or attributes where it has no such property
 * @param {...(Node | string | null)} children nodes or texts; null is left out
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) Object.assign(element, { [name]: value });
    else element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * Make an element of a drawing.
 *
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, String(value)));
  element.append(...children);
  return element;
}

/**
 * Give an element these children and no others, in their order. A child that it has already is not taken out of the page
 * where its place allows: it would lose the focus, and a click on it that has begun.
 *
 * @param {Element} parent
 * @param {Element[]} children
 */
export function arrange(parent, children) {
  const kept = new Set(/** @type {Node[]} */ (children));
  [...parent.childNodes].filter((child) => !kept.has(child)).forEach((child) => child.remove());
  let place = parent.firstChild;
  for (const child of children) {
    if (child === place) place = place.nextSibling;
    else parent.insertBefore(child, place);
  }
}
