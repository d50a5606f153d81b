// A client of Refiner's REST API (refine serve). It needs nothing but fetch: Node 22.18, Deno, Bun or a browser.
//
//   import { Refiner } from "./refiner.ts";
//   const memory = new Refiner({ key: "rfn_..." });
//   await memory.add([{ text: "Ruth moved to Lisbon.", kind: "fact" }]);
//   for (const m of (await memory.search("Where does Ruth live?")).memories) console.log(m.weight, m.text);
//
// GET /api/v1/openapi.json describes the answers in full; the types here name what is used most.

export type Kind = "turn" | "fact" | "summary" | "persona" | "faq";

export interface Scope { tenant?: string; user?: string; agent?: string; session?: string }

export interface NewMemory {
  text: string; kind?: Kind; role?: string; speaker?: string; session?: string; position?: number; key?: string;
  created?: string; valid_from?: string; valid_until?: string; importance?: number; confidence?: number; meta?: Record<string, string>;
}

export interface Memory extends NewMemory {
  id: string; scope: Scope; kind: Kind; created: string; origin: "observed" | "reconstructed";
  superseded?: string; superseded_by?: string; derived_from?: string[];
}

export interface Recalled extends Memory { weight: number; level: "full" | "chunk" | "summary" | "dropped"; outdated_by?: string }

export interface Packed { items: { id: string; text: string }[]; tokens: number; dropped: string[] | null }

export interface Found { query: string; memories: Recalled[]; packed?: Packed; ms: number }

export interface Answer { text: string; score: number; claims: { text: string; support: string; why?: string }[]; citations: { number: number; memory: Memory }[]; memories: Recalled[] }

export interface Event { type: "memories" | "token" | "round" | "answer"; token?: string; memories?: Recalled[]; answer?: Answer }

export interface History { records: Memory[]; events: { at: string; what: string; id: string; by?: string }[] }

// timeout bounds a call that is no stream, in milliseconds; 60,000 if it is not given.
export interface Options { baseURL?: string; key?: string; user?: string; agent?: string; fetch?: typeof fetch; signal?: AbortSignal; timeout?: number }

export interface ListFilters { session?: string; kind?: Kind | Kind[]; role?: string; state?: "live" | "superseded" | "any"; since?: string; until?: string; pinned?: boolean; limit?: number }

export interface SearchOptions { limit?: number; session?: string; at?: string; since?: string; until?: string; kinds?: Kind[]; where?: Record<string, string>; budget?: number }

export interface AskOptions { messages?: { role: string; content: string }[]; draft?: string; session?: string; limit?: number; budget?: number; refine?: "off" | "auto" | "always"; rounds?: number; at?: string; remember?: boolean; eager?: boolean }

// RefinerError is what the server refused: the HTTP status, a code such as "not_found", and the field at fault if there is one.
export class RefinerError extends Error {
  status: number;
  code: string;
  param: string;

  constructor(status: number, error?: { message?: string; code?: string | null; param?: string | null }) {
    super(error?.message ?? `the server answered ${status}`);
    this.status = status;
    this.code = error?.code ?? "";
    this.param = error?.param ?? "";
  }
}

// plain is the beginning of a question, without what the query language takes for its own: quotes, asterisks and leading minus signs.
export function plain(question: string): string {
  return question.slice(0, 4096).replace(/["*“”„\0]/g, " ").split(/\s+/).map((word) => word.replace(/^-+/, "")).filter(Boolean).join(" ");
}

export class Refiner {
  #base: string;
  #headers: Record<string, string> = { "Content-Type": "application/json" };
  #options: Options;

  constructor(options: Options = {}) {
    this.#options = options;
    this.#base = (options.baseURL ?? "http://127.0.0.1:8377").replace(/\/+$/, "") + "/api/v1/";
    if (options.key) this.#headers["Authorization"] = "Bearer " + options.key;
    if (options.user) this.#headers["X-User-Id"] = options.user;
    if (options.agent) this.#headers["X-Agent-Id"] = options.agent;
  }

  async #send(method: string, path: string, body?: unknown, signal = this.#options.signal): Promise<Response> {
    const response = await (this.#options.fetch ?? fetch)(this.#base + path, { method, headers: this.#headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
    if (response.ok) return response;
    throw new RefinerError(response.status, (await response.json().catch(() => ({}))).error);
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const late = AbortSignal.timeout(this.#options.timeout ?? 60_000);
    return (await this.#send(method, path, body, this.#options.signal ? AbortSignal.any([this.#options.signal, late]) : late)).json() as Promise<T>;
  }

  // me is who asks, and what they may do; stats counts the memories.
  me(): Promise<{ name: string; scope: Scope; read_only: boolean; any_user: boolean; model: string }> { return this.#call("GET", "me"); }
  stats(): Promise<{ live: number; superseded: number; sessions: number; kinds: Partial<Record<Kind, number>> }> { return this.#call("GET", "stats"); }

  // list goes through all memories, the last written first. limit is that of a page.
  async *list(filters: ListFilters = {}): AsyncGenerator<Memory> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(filters)) for (const v of [value].flat()) if (v !== undefined) query.append(name, String(v));
    for (;;) {
      const page = await this.#call<{ memories: Memory[]; next?: string }>("GET", "memories?" + query);
      yield* page.memories;
      if (!page.next) return;
      query.set("cursor", page.next);
    }
  }

  // add remembers, all or none.
  add(memories: NewMemory[]): Promise<{ ids: string[]; added: number; skipped: number; deleted: number }> { return this.#call("POST", "memories", { memories }); }
  get(id: string): Promise<Memory> { return this.#call("GET", "memories/" + encodeURIComponent(id)); }

  // delete deletes for good, with what was made from it if derived; dryRun only tells what would go.
  delete(id: string, { derived = false, dryRun = false } = {}): Promise<{ ids: string[]; derived: number }> {
    return this.#call("DELETE", `memories/${encodeURIComponent(id)}?derived=${derived}&dry_run=${dryRun}`);
  }

  history(id: string): Promise<History> { return this.#call("GET", `memories/${encodeURIComponent(id)}/history`); }

  // supersede puts another memory in the place of one; both stay readable, and undo takes it back.
  supersede(id: string, memory: NewMemory, also?: string[]): Promise<{ id: string }> { return this.#call("POST", `memories/${encodeURIComponent(id)}/supersede`, { memory, also }); }
  undo(id: string): Promise<History> { return this.#call("POST", `memories/${encodeURIComponent(id)}/undo`, {}); }

  search(query: string, options: SearchOptions = {}): Promise<Found> { return this.#call("POST", "search", { query, ...options }); }
  explain(query: string, options: Omit<SearchOptions, "budget"> = {}): Promise<{ memories: (Recalled & { steps: number[]; lifts: { reason: string; share: number }[] })[]; candidates: number }> { return this.#call("POST", "explain", { query, ...options }); }

  ask(question: string, options: AskOptions = {}): Promise<Answer> { return this.#call("POST", "ask", { ...options, question, stream: false }); }

  // askStream yields the events of an answer: memories, token, round, and at the end answer.
  async *askStream(question: string, options: AskOptions = {}): AsyncGenerator<Event> {
    const body = (await this.#send("POST", "ask", { ...options, question, stream: true })).body!;
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      rest += decoder.decode(chunk, { stream: true });
      const parts = rest.split("\n\n");
      rest = parts.pop()!;
      for (const part of parts) {
        const data = part.split("\n").filter((l) => l.startsWith("data: ")).map((l) => l.slice(6)).join("");
        if (!data) continue;
        const event = JSON.parse(data);
        if (part.startsWith("event: error")) throw new RefinerError(0, event.error);
        yield event;
      }
    }
  }
}
