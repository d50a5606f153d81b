// Ask: the answer as it streams, its claims, its rounds with what was accepted and why, and the memories it rests on.

import { h, show, day, speaker, plural } from "./dom.js";
import { diff } from "./diff.js";
import { events } from "./api.js";

export function askView(parameters) {
  const question = h("textarea", { id: "question", rows: 2, required: true, placeholder: "When are Jo and Dev going to the cottage?" });
  question.value = parameters.get("q") ?? "";
  const draft = h("textarea", { id: "draft", rows: 3, placeholder: "An answer that somebody else wrote, to be refined" });
  draft.value = parameters.get("draft") ?? "";
  const how = h("select", { id: "how" }, [["auto", "unless the draft passes"], ["always", "always"], ["off", "never"]].map(([value, text]) => h("option", { value }, text)));
  const remember = h("input", { type: "checkbox", id: "remember" });
  const button = h("button", { class: "primary" }, "Ask");
  const out = h("div", { class: "stack", id: "answer" });
  let work = null;

  const form = h("form", { class: "card stack" },
    h("label", { for: "question" }, "Question"), question,
    h("details", { open: draft.value !== "" }, h("summary", {}, "Refine a draft"), h("label", { class: "hidden", for: "draft" }, "Draft"), draft),
    h("div", { class: "row between" },
      h("div", { class: "row" }, h("label", { for: "how" }, "Refine"), how, h("label", { class: "check" }, remember, "write it to memory")),
      button));
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    work?.abort();
    work = new AbortController();
    button.disabled = true;
    try {
      await answer(out, { question: question.value, draft: draft.value || undefined, refine: how.value, remember: remember.checked, stream: true, eager: true }, work.signal);
    } catch (problem) {
      if (problem.name !== "AbortError") show(out, h("p", { class: "card problem", role: "alert" }, problem.message));
    } finally {
      button.disabled = false;
    }
  });
  question.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
      e.preventDefault();
      form.requestSubmit();
    }
  });
  if (question.value) queueMicrotask(() => form.requestSubmit());
  return {
    title: "Ask",
    element: [h("h1", {}, "Ask the memories"), h("p", { class: "lead" }, "An answer states what the memories hold and names them. A draft is mended where they say otherwise."), form, out],
    leave: () => work?.abort(),
  };
}

async function answer(out, request, signal) {
  const text = h("div", { class: "answer", "aria-busy": "true", "aria-live": "polite" });
  const chips = h("ul", { class: "chips" });
  const claims = h("div", { class: "stack" });
  const rounds = h("ol", { class: "rounds" });
  const roundsCard = h("section", { class: "card stack", hidden: true, "aria-labelledby": "rounds-title" }, h("h2", { id: "rounds-title" }, "Its rounds"), rounds);
  const memories = h("section", { class: "card stack", hidden: true, "aria-labelledby": "rests-title" });
  show(out, h("section", { class: "card stack", "aria-label": "Answer" }, text, chips, claims), h("div", { class: "cards two" }, roundsCard, memories));

  const seen = [];
  let streamed = "", final = null;
  for await (const event of events("ask", request, signal)) {
    switch (event.type) {
      case "memories":
        recalled(memories, event.memories ?? [], null, request.question);
        break;
      case "token":
        streamed += event.token;
        text.textContent = streamed;
        break;
      case "round":
        seen.push(event.round);
        roundsCard.hidden = false;
        break;
      case "answer":
        final = event.answer;
    }
  }
  text.removeAttribute("aria-busy");
  if (!final) return;
  cited(text, final);
  show(chips, about(final));
  claimed(claims, final.claims ?? []);
  recalled(memories, final.memories ?? [], final, request.question);
  let before = final.draft ?? final.text;
  roundsCard.hidden = false;
  show(rounds, final.rounds?.length ? final.rounds.map((r) => {
    const element = round(r, before, before === (final.draft ?? final.text));
    before = r.text;
    return element;
  }) : h("li", { class: "meta" }, final.stop ? "None: the first draft passed." : "None: it was not to be refined."));
}

// cited makes the numbers in brackets of a text into buttons to the memories they stand for.
function cited(element, final) {
  const byNumber = new Map((final.citations ?? []).map((c) => [String(c.number), c.memory]));
  show(element, final.text.split(/(\[\d{1,4}\])/).map((part) => {
    const memory = byNumber.get(part.slice(1, -1));
    return memory && part.startsWith("[") ? h("button", { type: "button", class: "cite", title: memory.text, "aria-label": `memory ${part.slice(1, -1)}`, onclick: () => { location.hash = "#/memory/" + memory.id; } }, part.slice(1, -1)) : part;
  }));
}

function about(final) {
  const chip = (kind, text) => h("li", { class: "chip " + kind }, text);
  const better = final.score > final.first_score;
  return [
    chip(better ? "good" : "", better ? `score ${final.first_score.toFixed(2)} → ${final.score.toFixed(2)}` : `score ${final.score.toFixed(2)}`),
    chip("", plural(final.rounds?.length ?? 0, "round")),
    chip("", plural(final.memories?.length ?? 0, "memory", "memories")),
    final.usage?.calls ? chip("", `${plural(final.usage.calls, "model call")}, ${plural(final.usage.prompt_tokens + final.usage.completion_tokens, "token")}`) : null,
    chip("", `${final.ms.toFixed(0)} ms`),
    ...(final.skipped ?? []).map((k) => chip("warn", `${k.name} skipped: ${k.why}`)),
  ];
}

const supports = { supported: "good", contradicted: "bad", unknown: "warn", neutral: "" };

function claimed(element, claims) {
  const told = claims.filter((c) => c.support !== "neutral");
  if (!told.length) return show(element);
  show(element, h("h2", { class: "small" }, "What it states"), h("ul", { class: "claims" }, told.map((c) =>
    h("li", {}, h("span", { class: "chip " + (supports[c.support] ?? "") }, c.support), h("span", {}, c.text, h("span", { class: "meta" }, ` — ${c.why}`))))));
}

function round(r, before, isDraft) {
  const proposals = r.proposals ?? [], better = proposals.some((p) => p.accepted);
  let base = before;
  return h("li", { class: "round" + (better ? " better" : "") },
    h("div", { class: "row between" }, h("h3", {}, `Round ${r.round}`), h("span", { class: "meta" }, `score ${r.score.toFixed(3)}`)),
    isDraft ? h("details", {}, h("summary", {}, "The draft it began with"), h("p", { class: "diff" }, before)) : null,
    (r.notes ?? []).length ? h("ul", { class: "notes" }, r.notes.map((n) => h("li", {}, `${n.specialist}: ${n.why}`, n.claim ? ` (“${n.claim}”)` : ""))) : null,
    (r.recalled ?? []).length ? h("p", { class: "meta" }, `Asked the memory: ${r.recalled.join(" · ")} — ${plural(r.found ?? 0, "new memory", "new memories")}`) : null,
    proposals.length ? proposals.map((p) => {
      const element = h("div", { class: "proposal" },
        h("div", { class: "row" }, h("span", { class: "chip " + (p.accepted ? "good" : "bad") }, p.accepted ? "✓ accepted" : "✗ rejected"), h("strong", {}, p.by), h("span", { class: "meta" }, p.score ? `score ${p.score.toFixed(3)}` : "")),
        h("p", {}, p.why), p.text ? diff(base, p.text) : null);
      if (p.accepted && p.text) base = p.text;
      return element;
    }) : h("p", { class: "meta" }, "Nobody had anything to change."));
}

function recalled(card, list, final, question) {
  card.hidden = false;
  const numbers = new Map((final?.citations ?? []).map((c) => [c.memory.id, c.number]));
  show(card, h("h2", { id: "rests-title" }, "What was recalled"),
    list.length ? h("ul", { class: "memories" }, list.map((m) => h("li", {}, h("button", { type: "button", class: "memory", onclick: () => { location.hash = "#/memory/" + m.id; } },
      h("span", { class: "meta" }, `${m.weight.toFixed(2)} · ${day(m.created)} · ${speaker(m)}`, numbers.has(m.id) ? h("span", { class: "chip good" }, `cited ${numbers.get(m.id)}`) : null),
      h("span", { class: "text" }, m.text))))) : h("p", { class: "meta" }, "Nothing in memory speaks of this."),
    list.length ? h("p", {}, h("a", { href: "#/recall?q=" + encodeURIComponent(question) }, "See why these")) : null);
}
