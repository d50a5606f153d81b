// What changed from one text to another, word by word.

import { h } from "./dom.js";

const most = 1500; // words of each text that are compared; the time grows with their product

const words = (text) => text.match(/\s+|[^\s]+/g) ?? [];

// steps are [kind, text] with kind "=", "-" or "+".
export function steps(before, after) {
  const a = words(before), b = words(after);
  if (a.length > most || b.length > most) return [["-", before], ["+", after]];
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? longest[(i + 1) * width + j + 1] + 1 : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const list = [];
  const add = (kind, text) => {
    const last = list[list.length - 1];
    if (last?.[0] === kind) last[1] += text;
    else list.push([kind, text]);
  };
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) add("=", a[i++]), j++;
    else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) add("-", a[i++]);
    else add("+", b[j++]);
  }
  return list;
}

export function diff(before, after) {
  return h("p", { class: "diff" }, steps(before, after).map(([kind, text]) => {
    if (kind === "=") return text;
    return h(kind === "-" ? "del" : "ins", {}, h("span", { class: "hidden" }, kind === "-" ? " removed: " : " added: "), text);
  }));
}
