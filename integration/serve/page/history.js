// The history of a memory in both times: when it was true in the world, and when the store believed it.

import { h, s, show, day, moment, speaker } from "./dom.js";
import { colour } from "./settling.js";
import { get } from "./api.js";
import { actions, placeTold } from "./manage.js";

export async function openMemory(id) {
  const dialog = document.getElementById("detail");
  show(dialog, h("p", { class: "empty" }, "…"));
  if (!dialog.open) dialog.showModal();
  try {
    const [memory, history] = await Promise.all([get("memories/" + encodeURIComponent(id)), get(`memories/${encodeURIComponent(id)}/history`)]);
    const place = h("div", { class: "row", id: "actions" });
    show(dialog, detail(memory, history, place));
    placeTold();
    await actions(place, memory, history);
  } catch (problem) {
    show(dialog, h("div", { class: "stack" }, h("h2", { id: "detail-title" }, "No such memory"), h("p", { class: "problem" }, problem.message), closing()));
  }
}

const closing = () => h("form", { method: "dialog", class: "row end" }, h("button", { class: "close" }, "Close"));

function detail(memory, history, place) {
  const facts = [
    ["kind", memory.kind + (memory.origin === "reconstructed" ? ", made by refinement" : ", observed") + (memory.meta?.pinned === "true" ? ", pinned" : "")],
    ["said", moment(memory.created)], ["by", speaker(memory)], ["session", memory.scope.session && h("a", { href: "#/graph?session=" + encodeURIComponent(memory.scope.session) }, memory.scope.session)], ["agent", memory.scope.agent],
    ["true", memory.valid_from || memory.valid_until ? `${day(memory.valid_from) || "always"} to ${day(memory.valid_until) || "now"}` : ""],
    ["importance", String(memory.importance)], ["confidence", String(memory.confidence)],
    ["shown, used", `${memory.shown ?? 0} times, ${memory.used ?? 0} times`],
    ["id", memory.id], ...Object.entries(memory.meta ?? {}),
  ].filter(([, value]) => value);
  return h("div", { class: "stack" },
    h("h2", { id: "detail-title" }, state(memory)),
    h("p", { class: "quote" }, memory.text),
    place,
    h("dl", { class: "facts" }, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]).flat()),
    memory.derived_from?.length ? h("p", {}, "Made from ", memory.derived_from.map((id, i) => [i ? ", " : "", h("a", { href: "#/memory/" + id }, "memory " + (i + 1))]).flat()) : null,
    h("h3", {}, "Its history"),
    timeline(history, memory.id),
    h("ol", { class: "versions" }, history.records.map((r, i) => h("li", { class: colour(i) }, h("span", { class: "swatch", "aria-hidden": "true" }),
      h("span", {}, r.id === memory.id ? h("strong", {}, r.text) : h("a", { href: "#/memory/" + r.id }, r.text), h("span", { class: "meta" }, " — " + state(r).toLowerCase()))))),
    h("details", {}, h("summary", {}, "What happened, in order"), h("div", { class: "scroll" }, h("table", { class: "events" },
      h("thead", {}, h("tr", {}, ["when", "what", "memory"].map((c) => h("th", { scope: "col" }, c)))),
      h("tbody", {}, history.events.map((e) => h("tr", {}, h("td", {}, moment(e.at)), h("td", {}, e.what), h("td", {}, (history.records.find((r) => r.id === e.id)?.text ?? e.id).slice(0, 80)))))))),
    closing());
}

function state(r) {
  if (!r.superseded) return "What holds now";
  return r.superseded_by ? `Replaced on ${day(r.superseded)}` : `Taken back on ${day(r.superseded)}`;
}

const left = 12, lane = 18, gap = 6;

function timeline(history) {
  const width = innerWidth < 640 ? 380 : 720;
  const records = history.records.slice(0, 12);
  const time = (text) => new Date(text).getTime();
  const now = Date.now();
  const trueFrom = (r) => time(r.valid_from ?? r.created);
  const trueUntil = (r) => {
    if (r.valid_until) return time(r.valid_until);
    const next = records.find((n) => n.id === r.superseded_by); // what took its place holds from then on
    return next ? Math.max(trueFrom(next), trueFrom(r)) : null;
  };
  const panel = (title, base, from, until, kind) => {
    const starts = records.map(from), ends = records.map((r) => until(r) ?? now);
    let low = Math.min(...starts), high = Math.max(...ends, now);
    if (high - low < 60000) low -= 30000, high += 30000;
    const x = (t) => left + (width - 2 * left) * (t - low) / (high - low);
    const form = high - low > 3 * 86400000 ? (t) => new Date(t).toISOString().slice(0, 10) : (t) => new Date(t).toISOString().slice(5, 16).replace("T", " ");
    const foot = base + 20 + records.length * (lane + gap) + 12;
    return s("g", {},
      s("text", { x: left, y: base + 10 }, title),
      records.map((r, i) => {
        const at = base + 20 + i * (lane + gap), open = until(r) === null;
        const a = x(starts[i]), b = Math.max(x(ends[i]), a + 4);
        return s("g", { class: colour(i) }, s("rect", { class: kind, x: a, y: at, width: b - a, height: lane, rx: 4 }),
          open ? s("path", { class: "open", d: `M${b} ${at}l8 ${lane / 2}l-8 ${lane / 2}z` }) : null);
      }),
      s("line", { class: "grid", x1: left, x2: width - left, y1: foot - 8, y2: foot - 8 }),
      s("text", { x: left, y: foot + 6 }, form(low)), s("text", { x: width - left, y: foot + 6, "text-anchor": "end" }, form(high)));
  };
  const tall = 20 + records.length * (lane + gap) + 30;
  const words = records.map((r, i) => `Version ${i + 1}: true from ${day(r.valid_from ?? r.created)}${trueUntil(r) ? " to " + new Date(trueUntil(r)).toISOString().slice(0, 10) : " on"}, believed from ${day(r.recorded)}${r.superseded ? " to " + day(r.superseded) : " on"}.`);
  return s("svg", { class: "chart timeline", viewBox: `0 0 ${width} ${2 * tall + 8}`, role: "img", "aria-label": words.join(" ") },
    panel("true in the world", 0, trueFrom, trueUntil, "true"),
    panel("believed by the store", tall + 8, (r) => time(r.recorded), (r) => (r.superseded ? time(r.superseded) : null), "believed"));
}
