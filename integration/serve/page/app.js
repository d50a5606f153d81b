// The page: which view is shown, and the two that are small enough to stand here.

import { h, show, day, speaker, plural } from "./dom.js";
import { get, post, me, user, setUser } from "./api.js";
import { settling } from "./settling.js";
import { askView } from "./ask.js";
import { openMemory } from "./history.js";
import { addButton } from "./manage.js";
import { graphView } from "./graph.js";

const main = document.getElementById("main");
const detail = document.getElementById("detail");
let current = null, shown = "";

function recallView(parameters) {
  const query = h("input", { id: "query", type: "search", required: true, placeholder: "After whom is Priya's daughter named, and why?" });
  query.value = parameters.get("q") ?? "";
  const form = h("form", { class: "card stack", role: "search" }, h("label", { for: "query" }, "Query"), h("div", { class: "search" }, query, h("button", { class: "primary" }, "Recall")));
  const out = h("div", { class: "stack", id: "settling" });
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    history.replaceState(null, "", "#/recall?q=" + encodeURIComponent(query.value));
    show(out, h("p", { class: "empty" }, "…"));
    try {
      const explanation = await post("explain", { query: query.value });
      if (!explanation.memories?.length) return show(out, h("p", { class: "empty" }, "Nothing in memory speaks of this."));
      const chart = settling(explanation);
      show(out, chart.element);
      chart.run();
    } catch (problem) {
      show(out, h("p", { class: "card problem", role: "alert" }, problem.message));
    }
  });
  if (query.value) queueMicrotask(() => form.requestSubmit());
  return {
    title: "Recall",
    element: [h("h1", {}, "See what is recalled, and why"), h("p", { class: "lead" }, "Each memory is weighed by its own words first, and then together with the conversation around it."), form, out],
  };
}

function memoriesView(parameters) {
  const search = h("input", { id: "search", type: "search", placeholder: "Search by words and meaning" });
  search.value = parameters.get("q") ?? "";
  const kind = h("select", { id: "kind" }, [["", "any kind"], "turn", "fact", "summary", "persona", "faq"].map((k) => (Array.isArray(k) ? h("option", { value: k[0] }, k[1]) : h("option", { value: k }, k))));
  const state = h("select", { id: "state" }, [["live", "what holds now"], ["superseded", "what was replaced"], ["any", "everything"], ["pinned", "what is in every prompt"]].map(([value, text]) => h("option", { value }, text)));
  const session = h("input", { id: "session", placeholder: "any" });
  const since = h("input", { id: "since", type: "date" }), until = h("input", { id: "until", type: "date" });
  const whose = h("input", { id: "user", autocomplete: "off" });
  whose.value = user();
  const add = h("div", {}), filters = h("div", { class: "filters" });
  const days = (input, more) => (input.value ? new Date(Date.parse(input.value) + more * 86400000).toISOString() : undefined);
  const list = h("ul", { class: "memories" });
  const status = h("p", { class: "meta", role: "status" });
  const more = h("button", { type: "button", hidden: true }, "Load more");
  let cursor = "", count = 0, turn = 0;

  async function load(fresh) {
    const mine = ++turn;
    if (fresh) cursor = "", count = 0;
    const query = search.value.trim();
    state.disabled = query !== "";
    try {
      let page;
      if (query) {
        page = await post("search", { query, limit: 50, session: session.value.trim() || undefined, kinds: kind.value ? [kind.value] : undefined, since: days(since, 0), until: days(until, 1) });
      } else {
        const asked = new URLSearchParams({ limit: "50", ...(state.value === "pinned" ? { pinned: "true" } : { state: state.value }) });
        if (kind.value) asked.set("kind", kind.value);
        if (session.value.trim()) asked.set("session", session.value.trim());
        if (since.value) asked.set("since", days(since, 0));
        if (until.value) asked.set("until", days(until, 1));
        if (cursor) asked.set("cursor", cursor);
        page = await get("memories?" + asked);
      }
      if (mine !== turn) return; // a later one is under way
      if (fresh) list.replaceChildren();
      const unlikely = query ? page.memories.filter((m) => m.level === "dropped") : [], likely = page.memories.filter((m) => !unlikely.includes(m)), rest = unlikely.length;
      list.append(...likely.map(item));
      page.memories = likely;
      cursor = page.next ?? "";
      count += page.memories.length;
      more.hidden = !cursor;
      const less = rest ? h("button", { type: "button", class: "quiet", onclick: () => { list.append(...unlikely.map(item)); less.remove(); } }, plural(rest, "more that hardly fits", "more that hardly fit")) : null;
      show(status, count ? plural(count, "memory", "memories") + (query ? ", best first" : cursor ? ", the last written first; there are more" : ", the last written first") : query ? "Nothing in memory speaks of this." : "No memories here.", less);
    } catch (problem) {
      if (mine === turn) show(status, h("span", { class: "problem" }, problem.message));
    }
  }
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => load(true), 200);
  };
  const again = () => load(true);
  for (const input of [search, session, since, until]) input.addEventListener("input", later);
  addEventListener("memories", again);
  whose.addEventListener("change", () => { setUser(whose.value.trim()); load(true); greet(); });
  addButton(add).catch(() => {});
  me().then((m) => { if (m.any_user) filters.append(h("div", {}, h("label", { for: "user" }, "User"), whose)); }, () => {});
  kind.addEventListener("change", () => load(true));
  state.addEventListener("change", () => load(true));
  more.addEventListener("click", () => load(false));
  for (const [input, name] of [[kind, "Kind"], [state, "State"], [session, "Session"], [since, "From"], [until, "To"]]) filters.append(h("div", {}, h("label", { for: input.id }, name), input));
  load(true);
  return {
    title: "Memories",
    element: [h("div", { class: "row between" }, h("h1", {}, "Memories"), add),
      h("form", { class: "card stack", role: "search", onsubmit: (e) => { e.preventDefault(); load(true); } },
        h("label", { for: "search" }, "Search"), search,
        filters),
      h("section", { class: "card stack", "aria-label": "Memories" }, status, list, h("div", { class: "row" }, more))],
    leave: () => { clearTimeout(timer); removeEventListener("memories", again); },
  };
}

function item(m) {
  return h("li", {}, h("button", { type: "button", class: "memory" + (m.superseded ? " gone" : ""), onclick: () => { location.hash = "#/memory/" + m.id; } },
    h("span", { class: "meta" }, [m.weight === undefined ? "" : m.weight.toFixed(2), day(m.created), speaker(m), m.kind === "turn" ? "" : m.kind, m.origin === "reconstructed" ? "made by refinement" : "", m.meta?.pinned === "true" ? "pinned" : "", m.superseded ? "replaced" : ""].filter(Boolean).join(" · ")),
    h("span", { class: "text" }, m.text)));
}

const views = { ask: askView, recall: recallView, memories: memoriesView, graph: graphView };

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, id] = path.split("/");
  if (name === "memory" && id) {
    if (!current) go("memories", "");
    openMemory(decodeURIComponent(id));
    return;
  }
  if (detail.open) detail.close();
  go(views[name] ? name : "ask", query ?? "");
}

function go(name, query) {
  const wanted = name + "?" + query;
  if (wanted === shown) return;
  const first = current === null;
  current?.leave?.();
  shown = wanted;
  current = views[name](new URLSearchParams(query));
  document.title = current.title + " — Refiner";
  show(main, current.element);
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === "#/" + name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!first) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}

detail.addEventListener("close", () => {
  if (location.hash.startsWith("#/memory/")) history.replaceState(null, "", "#/" + shown.replace(/\?$/, ""));
});
addEventListener("hashchange", route);

const theme = document.getElementById("theme");
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => { root.dataset.theme = localStorage.getItem("refine.theme") ?? (dark.matches ? "dark" : "light"); };
theme.addEventListener("click", () => {
  localStorage.setItem("refine.theme", root.dataset.theme === "dark" ? "light" : "dark");
  paint();
});
dark.addEventListener("change", paint);
paint();
route();

function greet() {
  Promise.all([me(), get("stats")]).then(([me, stats]) => {
    const scope = [me.scope.tenant, me.scope.user, me.scope.agent].filter(Boolean).join(" / ") || "everybody's";
    document.getElementById("who").textContent = `${scope} · ${plural(stats.live, "memory", "memories")} in ${plural(stats.sessions, "session")}${me.read_only ? " · read only" : ""}`;
  }).catch((problem) => { document.getElementById("who").textContent = problem.message; });
}
greet();
addEventListener("memories", greet);
