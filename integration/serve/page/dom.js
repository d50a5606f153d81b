// The few lines that make elements. Text only ever becomes text: there is no way from a memory to markup.

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

const svgNamespace = "http://www.w3.org/2000/svg";

export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(svgNamespace, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

export function show(element, ...children) {
  element.replaceChildren(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
}

export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function day(text) {
  if (!text) return "";
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString().slice(0, 10);
}

export function moment(text) {
  return text ? new Date(text).toISOString().slice(0, 16).replace("T", " ") + " UTC" : "";
}

export function speaker(memory) {
  return memory.speaker || memory.role || memory.kind;
}

export const percent = (x) => (x >= 0.095 ? Math.round(100 * x) : (100 * x).toFixed(1)) + " %";

export function plural(n, one, many) {
  return n.toLocaleString("en") + " " + (n === 1 ? one : (many ?? one + "s"));
}
