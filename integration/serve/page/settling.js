// How a query's ranking comes about: the weight of each memory by its words alone and after each step, and the places it gains.

import { h, s, show, still, percent, day, speaker } from "./dom.js";

const height = 300, left = 36, right = 12, top = 12, bottom = 28, below = 96;
const colours = 10;
export const colour = (i) => "c" + (i % colours);

// reasons say in words where a weight comes from.
const reasons = {
  own: "its own words",
  session: "its session answers well",
  before: "the turn just before it",
  after: "the turn just after it",
  near: "the turns around it",
  speaker: "who said it",
  time: "when it was said",
  form: "its length and form",
  among: "the memories ranked above it",
};

// gains are the places that each memory has gained since the first step, among those that are shown.
function gains(list) {
  const place = (weight) => {
    const order = list.map((m, k) => k).sort((a, b) => weight(list[b]) - weight(list[a]) || a - b);
    return (k) => order.indexOf(k);
  };
  const before = place((m) => m.steps[0]), after = place((m) => m.steps.at(-1));
  return list.map((m, k) => ({ gain: before(k) - after(k), was: before(k) + 1 }));
}

export function settling(explanation) {
  const list = explanation.memories;
  const width = innerWidth < 640 ? 380 : 720; // so that the writing can be read on a phone
  const steps = Math.max(0, (list[0]?.steps.length ?? 1) - 1);
  const x = (i) => left + (width - left - right) * (steps ? Math.log1p(i) / Math.log1p(steps) : 0);
  // Weights are measured by the last step's best, which is 1; on the way they can be higher.
  const most = Math.max(1, ...list.flatMap((m) => m.steps)), moved = gains(list);
  const foot = steps > 1 ? below : 0;
  const y = (w) => top + (height - top - bottom) * (1 - w / most);
  const view = { step: steps, playing: 0, picked: -1 };

  const marks = [0, 1, 2, 3, 5, 10, 20, 50, 100].filter((i) => i <= steps);
  const lines = list.map((m, k) => s("path", { class: "line " + colour(k) + (moved[k].gain > 0 ? " gained" : "") }));
  const dots = list.map((m, k) => s("circle", { class: "dot " + colour(k), r: 4 }));
  const now = s("line", { class: "now", y1: top, y2: height - bottom });
  const chart = s("svg", { class: "chart", viewBox: `0 0 ${width} ${height + foot}`, role: "img", "aria-label": summary(explanation, steps) },
    [0, .25, .5, .75, 1, 1.5, 2, 3, 5].filter((w) => w <= most * 1.01).map((w) => [s("line", { class: "grid", x1: left, x2: width - right, y1: y(w), y2: y(w) }), s("text", { x: left - 8, y: y(w) + 4, "text-anchor": "end" }, String(w))]).flat(),
    marks.map((i) => s("text", { x: x(i), y: height - 8, "text-anchor": i ? i === steps ? "end" : "middle" : "start" }, i ? steps === 1 ? "as ranked" : String(i) : "by words alone")),
    lines, now, dots, foot && residuals(explanation.residuals, x, steps, width));

  const items = list.map((m, k) => ranked(m, k, most, moved[k], () => pick(view.picked === k ? -1 : k)));
  const ranking = h("ol", { class: "ranking", "aria-label": "Memories, the heaviest first" }, items.map((i) => i.element));
  const rowHeight = 3.2;
  ranking.style.height = list.length * rowHeight + "rem";
  const why = h("div", { class: "card stack", hidden: true, "aria-live": "polite" });

  const slider = h("input", { type: "range", min: 0, max: steps, step: "any", value: steps, "aria-label": "Step of the ranking" });
  const label = h("output", { class: "meta" });
  const play = h("button", { type: "button", class: "play" }, "Play");

  const at = (m, step) => {
    const i = Math.min(Math.floor(step), steps), j = Math.min(i + 1, steps);
    return m.steps[i] + (m.steps[j] - m.steps[i]) * (step - i);
  };

  function draw() {
    const step = view.step;
    const whole = Math.min(Math.floor(step), steps);
    list.forEach((m, k) => {
      let path = "";
      for (let i = 0; i <= whole; i++) path += `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(m.steps[i]).toFixed(1)}`;
      if (step > whole) path += `L${x(step).toFixed(1)} ${y(at(m, step)).toFixed(1)}`;
      lines[k].setAttribute("d", path);
      dots[k].setAttribute("cx", x(step).toFixed(1));
      dots[k].setAttribute("cy", y(at(m, step)).toFixed(1));
      items[k].weigh(at(m, step));
    });
    now.setAttribute("x1", x(step));
    now.setAttribute("x2", x(step));
    const order = list.map((m, k) => k).sort((a, b) => at(list[b], step) - at(list[a], step) || a - b);
    order.forEach((k, rank) => { items[k].element.style.transform = `translateY(${rank * rowHeight}rem)`; });
    label.textContent = whole === 0 ? "by words alone" : whole === steps ? "as ranked" : `step ${whole} of ${steps}`;
    slider.value = step;
  }

  function pick(k) {
    view.picked = k;
    chart.classList.toggle("picking", k >= 0);
    list.forEach((m, i) => {
      lines[i].classList.toggle("picked", i === k);
      dots[i].classList.toggle("picked", i === k);
      items[i].button.setAttribute("aria-expanded", i === k);
    });
    why.hidden = k < 0;
    if (k >= 0) show(why, reasonsOf(list[k], explanation.weights));
  }

  function run() {
    cancelAnimationFrame(view.playing);
    if (still() || !steps) {
      view.step = steps;
      return draw();
    }
    let begin = null;
    const length = 2600;
    const frame = (t) => {
      if (!chart.isConnected && begin !== null) return;
      begin ??= t;
      const done = Math.min(1, (t - begin) / length);
      view.step = Math.expm1(done * Math.log1p(steps)); // even along the axis
      draw();
      if (done < 1) view.playing = requestAnimationFrame(frame);
      else view.step = steps, draw();
    };
    view.playing = requestAnimationFrame(frame);
  }

  slider.addEventListener("input", () => {
    cancelAnimationFrame(view.playing);
    view.step = Number(slider.value);
    draw();
  });
  play.addEventListener("click", run);
  draw();

  const element = h("div", { class: "cards two" },
    h("section", { class: "card stack", "aria-labelledby": "settling-title" },
      h("h2", { id: "settling-title" }, "From words to the ranking"),
      h("p", { class: "meta" }, ending(explanation)),
      chart, h("div", { class: "row" }, play, slider, label), asTable(list, steps, moved)),
    h("div", { class: "stack" },
      h("section", { class: "card stack", "aria-labelledby": "ranking-title" }, h("h2", { id: "ranking-title" }, "The ranking"), h("p", { class: "hint" }, "▲ places gained over its words alone, ▼ places lost. Choose a memory to see what lifted it."), ranking),
      why));
  return { element, run, pick };
}

function ending(e) {
  const c = e.certificate;
  const many = `${e.candidates.toLocaleString("en")} memories took part. `;
  if (e.mode === "learned") return many + "Left is how well each answers by its words; right, with the turns around it, its session, who said it and when.";
  return many + (c.steps ? `Weight spreads among them until it stands still, after ${c.steps} steps.` : "They are ranked by their words alone.");
}

function summary(e, steps) {
  return `The weights of ${e.memories.length} memories over ${steps} steps. ` + e.memories.slice(0, 3).map((m, i) =>
    `Number ${i + 1} begins at ${m.steps[0].toFixed(2)} and ends at ${m.weight.toFixed(2)}.`).join(" ");
}

// residuals are the largest change of each step, on a logarithmic scale.
function residuals(list, x, steps, width) {
  if (!list.length) return null;
  const base = height + 20, tall = below - 34;
  const logs = list.map((r) => Math.log10(Math.max(r, 1e-9)));
  const high = Math.ceil(Math.max(...logs)), low = Math.floor(Math.min(...logs, high - 1));
  const y = (l) => base + tall * (high - l) / (high - low);
  const path = logs.map((l, i) => `${i ? "L" : "M"}${x(Math.min(i + 1, steps)).toFixed(1)} ${y(l).toFixed(1)}`).join("");
  return s("g", {}, s("text", { x: left, y: base - 4 }, "largest change of a step"),
    [high, low].map((l) => [s("line", { class: "grid", x1: left, x2: width - right, y1: y(l), y2: y(l) }), s("text", { x: left - 4, y: y(l) + 4, "text-anchor": "end" }, "1e" + l)]).flat(),
    s("path", { class: "residual", d: path }));
}

function ranked(m, k, most, { gain, was }, pick) {
  const weight = h("span", { class: "weight" });
  const words = gain ? `${Math.abs(gain)} ${Math.abs(gain) === 1 ? "place" : "places"} ${gain > 0 ? "gained" : "lost"}: number ${was} by its words alone` : "as by its words alone";
  const move = h("span", { class: "gain " + (gain > 0 ? "good" : gain ? "bad" : ""), title: words }, h("span", { "aria-hidden": "true" }, gain ? (gain > 0 ? "▲" : "▼") + Math.abs(gain) : ""), h("span", { class: "hidden" }, words));
  const bar = h("span");
  const button = h("button", { type: "button", "aria-expanded": "false", onclick: pick },
    h("span", { class: "swatch", "aria-hidden": "true" }), weight, move, h("span", { class: "said" }, `${day(m.created)} ${speaker(m)}: ${m.text}`),
    h("span", { class: "bar", "aria-hidden": "true" }, bar));
  return {
    element: h("li", { class: "ranked " + colour(k) }, button),
    button,
    weigh(w) {
      weight.textContent = w.toFixed(3);
      bar.style.transform = `scaleX(${Math.max(0, Math.min(1, w / most))})`;
    },
  };
}

const signalNames = ["relevance", "surprise", "decay", "habituation", "attention"];

function reasonsOf(m, weights) {
  const counted = signalNames.filter((name) => weights?.[name] > 0);
  const lifts = m.lifts.slice(0, 6);
  const rest = 1 - lifts.reduce((sum, l) => sum + l.share, 0);
  const meter = (v) => {
    const inner = h("span");
    inner.style.transform = `scaleX(${v})`;
    return h("div", { class: "meter" }, inner);
  };
  const part = (share, i) => {
    const span = h("span", { class: colour(i) });
    span.style.flexGrow = share;
    return span;
  };
  return [
    h("h2", {}, "What lifted it"),
    h("p", { class: "quote" }, m.text),
    h("p", { class: "meta" }, `${day(m.created)} · ${speaker(m)}${m.scope.session ? " · session " + m.scope.session : ""} · `, h("a", { href: "#/memory/" + m.id }, "its history")),
    h("div", { class: "lifts", "aria-hidden": "true" }, lifts.map((l, i) => part(l.share, i)), rest > 0.005 ? part(rest, 9) : null),
    h("ul", { class: "liftlist" }, lifts.map((l, i) => h("li", { class: colour(i) }, h("span", { class: "swatch" }), h("span", {}, percent(l.share)),
      h("span", {}, reasons[l.reason] ?? l.reason, l.from ? h("span", { class: "meta" }, ` — ${speaker(l.from)}: “${l.from.text}”`) : null))),
      rest > 0.005 ? h("li", { class: "c9" }, h("span", { class: "swatch" }), h("span", {}, percent(rest)), h("span", {}, "other memories, a little each")) : null),
    counted.length < 2 ? null : h("h3", {}, "Its signals"),
    counted.length < 2 ? null : h("ul", { class: "signals" }, counted.map((name) => h("li", {}, h("span", { class: "meta" }, name), meter(m.signals[name]), h("span", {}, m.signals[name].toFixed(2))))),
    m.terms.length ? h("p", { class: "meta" }, "Words of the question in it: " + m.terms.join(", ")) : null,
  ];
}

// asTable is the chart for those who do not see it.
function asTable(list, steps, moved) {
  const columns = [0, 1, 2, 5, 10, steps].filter((v, i, all) => v <= steps && all.indexOf(v) === i);
  return h("details", {}, h("summary", {}, "The same as a table"), h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "memory"), h("th", { scope: "col" }, "places gained"), columns.map((i) => h("th", { scope: "col" }, i ? i === steps ? "as ranked" : "step " + i : "by words alone")))),
    h("tbody", {}, list.map((m, k) => h("tr", {}, h("th", { scope: "row" }, m.text.slice(0, 60)), h("td", {}, String(moved[k].gain)), columns.map((i) => h("td", {}, m.steps[i].toFixed(3)))))))));
}
