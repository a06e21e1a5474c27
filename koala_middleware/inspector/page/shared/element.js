// @ts-check
// Build elements. Text is always text: nothing here, or elsewhere, parses HTML.

/**
 * Return the element of the page that has an id; what kind it is, the page knows.
 * @type {(id: string) => any}
 */
export const $ = (id) => document.getElementById(id);

/**
 * Make an element; attributes and children that are null are left out.
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @param {(Node | string | null | undefined)[]} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function icon(name) {
  return svg("svg", { "aria-hidden": "true" }, svg("use", { href: `#icon-${name}` }));
}

export function button(label, action, attributes = {}, picture = null) {
  const made = element("button", { type: "button", ...attributes }, picture, element("span", {}, label));
  made.addEventListener("click", action);
  return made;
}

/** Make the dot of a visitor, who has the same colour everywhere. */
export function swatch(id) {
  let hash = 0;
  for (let at = 0; at < id.length; at += 1) hash = (hash * 31 + id.charCodeAt(at)) | 0;
  const dot = element("i", { class: "swatch" });
  dot.style.setProperty("--hue", String(Math.abs(hash) % 360));
  return dot;
}
