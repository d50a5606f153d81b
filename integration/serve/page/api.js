// Talks to the server this page came from, and to nothing else.

const held = { key: sessionStorage.getItem("refine.key") ?? "", user: sessionStorage.getItem("refine.user") ?? "" };

export class Refused extends Error {
  constructor(status, error) {
    super(error?.message ?? `the server answered ${status}`);
    this.status = status;
    this.code = error?.code ?? "";
  }
}

function headers() {
  const list = { "Content-Type": "application/json" };
  if (held.key) list.Authorization = "Bearer " + held.key;
  if (held.user) list["X-User-Id"] = held.user;
  return list;
}

async function send(method, path, body, signal) {
  for (;;) {
    const response = await fetch("/api/v1/" + path, { method, headers: headers(), body: body && JSON.stringify(body), signal, cache: "no-store", credentials: "omit" });
    if (response.ok) return response;
    const error = (await response.json().catch(() => ({}))).error;
    if (response.status !== 401 && error?.code !== "missing_user") throw new Refused(response.status, error);
    await askForKey(held.key || error?.code === "missing_user" ? error.message : "");
  }
}

let asking = null;

// askForKey shows the dialog once, whoever needs the key.
function askForKey(problem) {
  asking ??= new Promise((done) => {
    const dialog = document.getElementById("keyask");
    document.getElementById("key-problem").textContent = problem;
    dialog.addEventListener("close", () => {
      held.key = document.getElementById("key").value.trim();
      held.user = document.getElementById("key-user").value.trim();
      sessionStorage.setItem("refine.key", held.key);
      sessionStorage.setItem("refine.user", held.user);
      asking = null;
      done();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

export async function get(path, signal) {
  return (await send("GET", path, undefined, signal)).json();
}

export async function post(path, body, signal) {
  return (await send("POST", path, body, signal)).json();
}

export async function remove(path) {
  return (await send("DELETE", path)).json();
}

let asked = null;

// me is who asks and what they may do. It is asked once for each user.
export function me() {
  asked ??= get("me").catch((problem) => { asked = null; throw problem; });
  return asked;
}

// user is whose memories are shown, with a key for any user.
export const user = () => held.user;

export function setUser(name) {
  held.user = name;
  asked = null;
  sessionStorage.setItem("refine.user", name);
}

// events posts a request and yields the events of its answer.
export async function* events(path, body, signal) {
  const response = await send("POST", path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const parts = rest.split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      let name = "", data = "";
      for (const line of part.split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        if (line.startsWith("data: ")) data += line.slice(6);
      }
      if (!data) continue;
      const event = JSON.parse(data);
      if (name === "error") throw new Refused(0, event.error);
      yield event;
    }
  }
}
