// A graph of memories: who and what is tied to what. Time runs from left to right; lines join the turns of a session, and memories
// with the names that they share. It shows a neighbourhood, of a question, of a session or of what was written last, and leads from
// there to the next: so it is the same for ten memories and for ten thousand.

import { h, s, show, day, speaker, plural } from "./dom.js";
import { get, post } from "./api.js";
import { colour } from "./settling.js";

const most = 48, mostNames = 14, rounds = 220;

export function graphView(parameters) {
  const query = h("input", { id: "about", type: "search", placeholder: "Priya" });
  query.value = parameters.get("q") ?? "";
  const session = parameters.get("session") ?? "";
  const out = h("div", { class: "stack", id: "graph" }, h("p", { class: "empty" }, "…"));
  const form = h("form", { class: "card stack", role: "search" }, h("label", { for: "about" }, "About"), h("div", { class: "search" }, query, h("button", { class: "primary" }, "Show")));
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    location.hash = "#/graph?q=" + encodeURIComponent(query.value.trim());
  });
  draw(out, query.value.trim(), session).catch((problem) => show(out, h("p", { class: "card problem", role: "alert" }, problem.message)));
  return { title: "Graph", element: [h("h1", {}, "How memories hang together"), form, out] };
}

async function draw(out, query, session) {
  const page = query ? await post("search", { query, limit: most }) : await get("memories?" + new URLSearchParams(session ? { limit: most, session } : { limit: most }));
  const memories = page.memories.filter((m) => m.level !== "dropped").sort((a, b) => new Date(a.created) - new Date(b.created) || a.position - b.position);
  if (!memories.length) return show(out, h("p", { class: "empty" }, "Nothing in memory speaks of this."));
  const sessions = [...new Set(memories.map((m) => m.scope.session ?? ""))], names = namesIn(memories);
  const what = session ? `the session ${session}` : query ? `“${query}”` : "what was written last";
  show(out, h("section", { class: "card stack", "aria-label": "Graph" },
    h("p", { class: "meta", role: "status" }, `${plural(memories.length, "memory", "memories")} of ${what}, in ${plural(sessions.length, "session")}, with ${plural(names.length, "name")} that they share. Time runs from left to right.`),
    chart(memories, names, sessions),
    h("details", {}, h("summary", {}, "The same as a list"), h("ul", { class: "memories" }, memories.map((m) => h("li", {}, h("a", { class: "memory", href: "#/memory/" + m.id }, h("span", { class: "meta" }, `${day(m.created)} · ${speaker(m)}`), h("span", { class: "text" }, m.text))))),
      h("p", { class: "row" }, names.map((n) => h("a", { href: "#/graph?q=" + encodeURIComponent(n.name) }, n.name)))),
    h("ul", { class: "chips" }, sessions.filter(Boolean).slice(0, 12).map((name) => h("li", { class: "chip " + colour(sessions.indexOf(name)) }, h("span", { class: "swatch", "aria-hidden": "true" }), h("a", { href: "#/graph?session=" + encodeURIComponent(name) }, name))))));
}

// namesIn are words that begin with a capital wherever they stand, also within a sentence, and that memories share. Writing without
// capitals has none: its memories are tied by their sessions.
function namesIn(memories) {
  const found = new Map();
  memories.forEach((m, i) => {
    for (const match of m.text.matchAll(/\p{L}[\p{L}\p{M}'’-]*/gu)) {
      const word = match[0].replace(/['’]s$/, ""), name = word.toLowerCase();
      if (word.split(/['’]/)[0].length < 3) continue;
      const entry = found.get(name) ?? { name: word, within: false, small: false, at: new Set() };
      const capital = /^\p{Lu}/u.test(word);
      entry.small ||= !capital;
      entry.within ||= capital && /[\p{L}\p{N},;]\s+$/u.test(m.text.slice(0, match.index));
      entry.at.add(i);
      found.set(name, entry);
    }
  });
  return [...found.values()].filter((e) => e.within && !e.small && e.at.size > 1 && e.at.size <= Math.max(3, memories.length / 2)).sort((a, b) => b.at.size - a.at.size).slice(0, mostNames);
}

// layout places nodes by forces: all push each other away, edges pull, and time draws each memory to its place from left to right.
function layout(nodes, edges, width, height) {
  const ideal = Math.sqrt(width * height / nodes.length) * .7;
  for (let round = 0; round < rounds; round++) {
    const heat = 12 * (1 - round / rounds) + .5;
    for (const n of nodes) n.dx = n.dy = 0;
    for (const a of nodes) {
      for (const b of nodes) {
        if (a === b) continue;
        const x = a.x - b.x || .01, y = a.y - b.y || .01, d = Math.max(4, Math.hypot(x, y)), push = ideal * ideal / d / d;
        a.dx += x * push / d * 8, a.dy += y * push / d * 8;
      }
      if (a.time !== undefined) a.dx += (a.time - a.x) * .25;
      a.dy += (height / 2 - a.y) * .02;
    }
    for (const [a, b, strength] of edges) {
      const x = (b.x - a.x) * strength, y = (b.y - a.y) * strength;
      a.dx += x, a.dy += y, b.dx -= x, b.dy -= y;
    }
    for (const n of nodes) {
      const d = Math.hypot(n.dx, n.dy) || 1, step = Math.min(d, heat);
      n.x = Math.min(width - n.room, Math.max(n.room, n.x + n.dx / d * step));
      n.y = Math.min(height - 14, Math.max(14, n.y + n.dy / d * step));
    }
  }
}

function chart(memories, names, sessions) {
  const width = innerWidth < 640 ? 380 : 760, height = innerWidth < 640 ? 460 : 480;
  const at = (i, n) => 24 + (width - 48) * (n > 1 ? i / (n - 1) : .5);
  const points = memories.map((m, i) => ({ x: at(i, memories.length), y: height * (.2 + .6 * (i * .618 % 1)), time: at(i, memories.length), room: 12 }));
  const hubs = names.map((n) => ({ x: at([...n.at].reduce((a, b) => a + b) / n.at.size, memories.length), y: height / 2, room: 12 + 3.6 * n.name.length }));
  const edges = names.flatMap((n, k) => [...n.at].map((i) => [points[i], hubs[k], .05]));
  const last = new Map();
  memories.forEach((m, i) => {
    if (last.has(m.scope.session ?? "")) edges.push([points[last.get(m.scope.session ?? "")], points[i], .03, true]);
    last.set(m.scope.session ?? "", i);
  });
  layout([...points, ...hubs], edges, width, height);
  const round = (v) => v.toFixed(1);
  return s("svg", { class: "chart net", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Memories and the names that they share" },
    edges.map(([a, b, , turns]) => s("line", { class: turns ? "turns" : "shares", x1: round(a.x), y1: round(a.y), x2: round(b.x), y2: round(b.y) })),
    points.map((p, i) => s("a", { href: "#/memory/" + memories[i].id, class: colour(sessions.indexOf(memories[i].scope.session ?? "")), "aria-label": `${day(memories[i].created)} ${speaker(memories[i])}: ${memories[i].text.slice(0, 120)}` },
      s("title", {}, `${day(memories[i].created)} ${speaker(memories[i])}: ${memories[i].text.slice(0, 200)}`), s("circle", { class: "hit", cx: round(p.x), cy: round(p.y), r: 12 }), s("circle", { class: "dot", cx: round(p.x), cy: round(p.y), r: 6 }))),
    hubs.map((p, k) => s("a", { href: "#/graph?q=" + encodeURIComponent(names[k].name), "aria-label": `${names[k].name}, in ${names[k].at.size} of them` }, s("text", { class: "name", x: round(p.x), y: round(p.y + 4), "text-anchor": "middle" }, names[k].name))));
}
