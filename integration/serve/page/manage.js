// Managing memories: add, edit, pin, mark as out of date, undo, delete. Each change is a call of the REST API, and each but a
// deletion can be undone: the versions before stay readable.

import { h, show, day, plural } from "./dom.js";
import { get, post, remove, me } from "./api.js";

const kinds = ["turn", "fact", "summary", "persona", "faq"];

const told = document.getElementById("told"), detailed = document.getElementById("detail");

// placeTold puts what is told where it can be read and reached: nothing outside an open dialog can.
export function placeTold() {
  (detailed.open ? detailed : document.body).append(told);
}
detailed.addEventListener("close", placeTold);

// changed tells the views that memories are others now, and the person what was done. undo is what takes it back.
function changed(text, undo) {
  placeTold();
  show(told, h("span", {}, text), undo ? h("button", { type: "button", onclick: async () => { await undo(); show(told); } }, "Undo") : null);
  clearTimeout(changed.timer);
  changed.timer = setTimeout(() => show(told), 12000);
  dispatchEvent(new CustomEvent("memories"));
}

const open = (id) => {
  if (location.hash === "#/memory/" + id) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = "#/memory/" + id;
};

// ask shows a form in a dialog of its own. Its submit may throw: what is wrong is then shown, and the form stays.
function ask(title, fields, label, submit, danger) {
  const dialog = document.getElementById("form");
  const problem = h("p", { class: "problem", role: "alert" });
  const button = h("button", { class: danger ? "danger" : "primary" }, label);
  const form = h("form", { method: "dialog" }, h("h2", { id: "form-title" }, title), fields, problem,
    h("div", { class: "row end" }, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), button));
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    button.disabled = true;
    try {
      await submit();
      dialog.close();
    } catch (failure) {
      problem.textContent = failure.message;
    } finally {
      button.disabled = false;
    }
  });
  show(dialog, form);
  dialog.showModal();
}

// memoryForm asks for a memory, and gives what the API takes.
function memoryForm(title, label, memory, submit) {
  const text = h("textarea", { id: "memory-text", rows: 4, required: true }, memory.text ?? "");
  const kind = h("select", { id: "memory-kind" }, kinds.map((k) => h("option", { value: k, selected: k === (memory.kind ?? "fact") }, k)));
  const speaker = h("input", { id: "memory-speaker", value: memory.speaker ?? "", autocomplete: "off" });
  const session = h("input", { id: "memory-session", value: memory.scope?.session ?? "", autocomplete: "off" });
  const said = h("input", { id: "memory-said", type: "date", value: day(memory.created ?? new Date().toISOString()) });
  const field = (input, name, hint) => h("div", {}, h("label", { for: input.id }, name, hint ? h("span", { class: "hint" }, " " + hint) : null), input);
  ask(title, [field(text, "Text"), h("div", { class: "filters" }, field(kind, "Kind"), field(said, "Said on"), field(speaker, "By"), field(session, "Session"))], label, () => submit({
    ...body(memory), text: text.value.trim(), kind: kind.value, speaker: speaker.value.trim() || undefined, session: session.value.trim() || undefined,
    created: said.value === day(memory.created) ? memory.created : said.value ? said.value + "T12:00:00Z" : undefined,
  }));
}

// body is a memory as the API takes it for another version of it.
function body(memory) {
  const { text, kind, role, speaker, created, importance, confidence, meta } = memory;
  return { text, kind, role, speaker, created, importance, confidence, meta, session: memory.scope?.session, valid_from: memory.valid_from, valid_until: memory.valid_until,
    position: memory.position >= 0 ? memory.position : undefined };
}

async function replace(memory, other, told) {
  const { id } = await post(`memories/${encodeURIComponent(memory.id)}/supersede`, { memory: other });
  changed(told, async () => { await undo(id); open(memory.id); });
  open(id);
}

const undo = (id) => post(`memories/${encodeURIComponent(id)}/undo`).then(() => changed("The change is taken back."));

// erase deletes a memory, with its other versions if that is wished, after it has shown what goes.
async function erase(memory, history) {
  const versions = history.records.filter((r) => r.id !== memory.id);
  const path = (id) => `memories/${encodeURIComponent(id)}?derived=true`;
  const { ids } = await remove(path(memory.id) + "&dry_run=true");
  const resting = ids.filter((id) => id !== memory.id && !versions.some((r) => r.id === id));
  const shown = await Promise.all(resting.slice(0, 8).map((id) => get("memories/" + encodeURIComponent(id)).catch(() => ({ text: id }))));
  const all = h("input", { type: "checkbox", id: "all-versions", checked: true });
  const list = (id, records, more) => h("ul", { class: "notes", "aria-labelledby": id }, records.map((r) => h("li", {}, r.text.slice(0, 160))), more ? h("li", {}, "…") : null);
  ask("Delete for good?", [
    h("p", { class: "quote" }, memory.text),
    h("p", {}, "No byte of it is left in the store, and it cannot be undone."),
    versions.length ? [h("label", { class: "check", id: "versions-label" }, all, `also ${plural(versions.length, "other version")} of it:`), list("versions-label", versions)] : [],
    resting.length ? [h("p", { id: "goes" }, `${plural(resting.length, "memory was", "memories were")} made from it and ${resting.length === 1 ? "goes" : "go"} with it:`), list("goes", shown, resting.length > shown.length)] : [],
  ].flat(), "Delete", async () => {
    let gone = 0;
    for (const id of [memory.id, ...(all.checked ? versions.map((r) => r.id) : [])]) {
      const deleted = await remove(path(id)).catch((problem) => { if (problem.status !== 404) throw problem; }); // it may have gone with one before
      gone += deleted?.ids.length ?? 0;
    }
    detailed.close();
    changed(`${plural(gone, "memory is", "memories are")} deleted.`);
  }, true);
}

// addButton adds a memory; nothing for who may only read.
export async function addButton(place) {
  if ((await me()).read_only) return;
  show(place, h("button", { type: "button", class: "primary", id: "add", onclick: () => memoryForm("Add a memory", "Add", {}, async (memory) => {
    const { ids } = await post("memories", { memories: [{ ...memory, role: "user" }] });
    changed("The memory is added.");
    open(ids[0]);
  }) }, "Add a memory"));
}

// actions are what can be done with a memory; nothing for who may only read.
export async function actions(place, memory, history) {
  if ((await me()).read_only) return;
  const act = (label, f, kind) => h("button", { type: "button", class: kind ?? "", onclick: () => f().catch((problem) => changed(problem.message)) }, label);
  const pinned = memory.meta?.pinned === "true";
  const { pinned: _, ...meta } = memory.meta ?? {};
  const live = !memory.superseded, past = memory.valid_until && new Date(memory.valid_until) <= new Date();
  show(place,
    live ? act("Edit", async () => memoryForm("Edit the memory", "Save", memory, (other) => replace(memory, other, "The memory is changed."))) : null,
    live ? act(pinned ? "Unpin" : "Pin", () => replace(memory, { ...body(memory), importance: pinned ? 0.5 : 1, meta: pinned ? meta : { ...meta, pinned: "true" } }, pinned ? "It is not pinned any more." : "It is pinned: it stands in every prompt.")) : null,
    live && !past ? act("Out of date", () => replace(memory, { ...body(memory), valid_until: new Date().toISOString() }, "It is true until now.")) : null,
    live && history.records.some((r) => r.superseded_by === memory.id) ? act("Undo the last change", () => undo(memory.id).then(() => open(history.records.find((r) => r.superseded_by === memory.id).id))) : null,
    act("Delete", () => erase(memory, history), "danger"));
}
