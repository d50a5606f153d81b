// A query's recursion settling: the weight of each memory at each step, and the ranking as it moves.

import { h, s, show, still, percent, day, speaker } from "./dom.js";

const height = 300, left = 36, right = 12, top = 12, bottom = 28, below = 96;
const colours = 10;
export const colour = (i) => "c" + (i % colours);

// reasons say in words where a weight comes from.
const reasons = {
  own: () => "what it says for itself",
  session: () => "another memory of its session answers well",
  before: () => "the turn just before it",
  after: () => "the turn just after it",
  shared: (lift) => `both speak of ${(lift.link || "the same").replace(/^[a-z]+:/, "")}`,
  neighbour: () => "a turn close by",
};

export function settling(explanation) {
  const list = explanation.memories;
  const width = innerWidth < 640 ? 380 : 720; // so that the writing can be read on a phone
  const steps = Math.max(0, (list[0]?.steps.length ?? 1) - 1);
  const x = (i) => left + (width - left - right) * (steps ? Math.log1p(i) / Math.log1p(steps) : 0);
  // Weights are measured by the last step's best, which is 1; on the way they can be higher.
  const most = Math.max(1, ...list.flatMap((m) => m.steps));
  const y = (w) => top + (height - top - bottom) * (1 - w / most);
  const view = { step: steps, playing: 0, picked: -1 };

  const marks = [0, 1, 2, 3, 5, 10, 20, 50, 100].filter((i) => i <= steps);
  const lines = list.map((m, k) => s("path", { class: "line " + colour(k), "data-k": k }));
  const dots = list.map((m, k) => s("circle", { class: "dot " + colour(k), r: 4 }));
  const now = s("line", { class: "now", y1: top, y2: height - bottom });
  const chart = s("svg", { class: "chart", viewBox: `0 0 ${width} ${height + below}`, role: "img", "aria-label": summary(explanation, steps) },
    [0, .25, .5, .75, 1, 1.5, 2, 3, 5].filter((w) => w <= most * 1.01).map((w) => [s("line", { class: "grid", x1: left, x2: width - right, y1: y(w), y2: y(w) }), s("text", { x: left - 8, y: y(w) + 4, "text-anchor": "end" }, String(w))]).flat(),
    marks.map((i) => s("text", { x: x(i), y: height - 8, "text-anchor": "middle" }, String(i))),
    lines, now, dots, residuals(explanation.residuals, x, steps, width));

  const items = list.map((m, k) => ranked(m, k, most, () => pick(view.picked === k ? -1 : k)));
  const ranking = h("ol", { class: "ranking", "aria-label": "Memories, the heaviest first" }, items.map((i) => i.element));
  const rowHeight = 3.2;
  ranking.style.height = list.length * rowHeight + "rem";
  const why = h("div", { class: "card stack", hidden: true, "aria-live": "polite" });

  const slider = h("input", { type: "range", min: 0, max: steps, step: "any", value: steps, "aria-label": "Step of the recursion" });
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
    label.textContent = `step ${whole} of ${steps}`;
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
    if (k >= 0) show(why, reasonsOf(list[k], k));
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
      h("h2", { id: "settling-title" }, "Weights over the steps"),
      h("p", { class: "meta" }, ending(explanation)),
      chart, h("div", { class: "row" }, play, slider, label), asTable(list, steps)),
    h("div", { class: "stack" },
      h("section", { class: "card stack", "aria-labelledby": "ranking-title" }, h("h2", { id: "ranking-title" }, "The ranking"), h("p", { class: "hint" }, "Choose a memory to see what lifted it."), ranking),
      why));
  return { element, run, pick };
}

function ending(e) {
  const c = e.certificate;
  const many = `${e.candidates.toLocaleString("en")} memories took part. `;
  if (!c.steps) return many + `Ranked without recursion (${e.mode}).`;
  return many + `The weights stand still (${c.stop}) after ${c.steps} steps; no weight is farther than ${c.bound.toExponential(1)} from its end.`;
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

function ranked(m, k, most, pick) {
  const weight = h("span", { class: "weight" });
  const bar = h("span");
  const button = h("button", { type: "button", "aria-expanded": "false", onclick: pick },
    h("span", { class: "swatch", "aria-hidden": "true" }), weight, h("span", { class: "said" }, `${day(m.created)} ${speaker(m)}: ${m.text}`),
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

function reasonsOf(m, k) {
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
      h("span", {}, (reasons[l.reason] ?? (() => l.reason))(l), l.from ? h("span", { class: "meta" }, ` — ${speaker(l.from)}: “${l.from.text}”`) : null))),
      rest > 0.005 ? h("li", { class: "c9" }, h("span", { class: "swatch" }), h("span", {}, percent(rest)), h("span", {}, "other memories, a little each")) : null),
    h("h3", {}, "Its signals"),
    h("ul", { class: "signals" }, signalNames.map((name) => h("li", {}, h("span", { class: "meta" }, name), meter(m.signals[name]), h("span", {}, m.signals[name].toFixed(2))))),
    m.terms.length ? h("p", { class: "meta" }, "Words of the question in it: " + m.terms.join(", ")) : null,
  ];
}

// asTable is the chart for those who do not see it.
function asTable(list, steps) {
  const columns = [0, 1, 2, 5, 10, steps].filter((v, i, all) => v <= steps && all.indexOf(v) === i);
  return h("details", {}, h("summary", {}, "The same as a table"), h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "memory"), columns.map((i) => h("th", { scope: "col" }, "step " + i)))),
    h("tbody", {}, list.map((m) => h("tr", {}, h("th", { scope: "row" }, m.text.slice(0, 60)), columns.map((i) => h("td", {}, m.steps[i].toFixed(3)))))))));
}
