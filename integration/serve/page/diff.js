// What changed from one text to another, word by word.

import { h } from "./dom.js";

const most = 1500; // words of each text that are compared; the time grows with their product

const words = (text) => text.match(/\S+\s*|\s+/g) ?? [];

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
  // Runs of what stays, and between them what went and what came.
  const list = [];
  let gone = "", came = "", same = [], i = 0, j = 0;
  const settle = () => {
    if (gone) list.push(["-", gone]);
    if (came) list.push(["+", came]);
    gone = came = "";
  };
  const keep = (last) => {
    // A word or two that stay between changes, by chance mostly, would only tear the sentence apart.
    if (same.length < 3 && (gone || came) && !last) gone += same.join(""), came += same.join("");
    else if (same.length) settle(), list.push(["=", same.join("")]);
    same = [];
  };
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      same.push(a[i]);
      i++, j++;
      continue;
    }
    keep(false);
    if (j >= b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) gone += a[i++];
    else came += b[j++];
  }
  keep(true);
  settle();
  return list;
}

export function diff(before, after) {
  return h("p", { class: "diff" }, steps(before, after).map(([kind, text]) => {
    if (kind === "=") return text;
    return h(kind === "-" ? "del" : "ins", {}, h("span", { class: "hidden" }, kind === "-" ? " removed: " : " added: "), text);
  }));
}
