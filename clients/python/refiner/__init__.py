"""A client of Refiner's REST API (refine serve). It needs nothing but Python 3.9.

    from refiner import Refiner
    memory = Refiner(key="rfn_...")
    memory.add("Ruth moved to Lisbon.", kind="fact")
    for m in memory.search("Where does Ruth live?")["memories"]:
        print(m["weight"], m["text"])

Answers are the API's JSON as dictionaries: GET /api/v1/openapi.json describes them. A client is safe for concurrent use.
"""

from __future__ import annotations

import json
from typing import Any, Iterator
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

__all__ = ["Refiner", "RefinerError"]


class RefinerError(Exception):
    """What the server refused: the HTTP status, a code such as "not_found", and the field at fault if there is one."""

    def __init__(self, status: int, message: str, code: str = "", param: str = ""):
        super().__init__(message)
        self.status, self.code, self.param = status, code, param


class Refiner:
    """A memory. key is an API key, if the server asks for one; user is whose memory it is, with a key for any user; timeout is in seconds."""

    def __init__(self, base_url: str = "http://127.0.0.1:8377", *, key: str = "", user: str = "", agent: str = "", timeout: float = 60):
        self._base, self._timeout = base_url.rstrip("/") + "/api/v1/", timeout
        self._headers = {"Content-Type": "application/json"}
        for name, value in (("Authorization", key and "Bearer " + key), ("X-User-Id", user), ("X-Agent-Id", agent)):
            if value:
                self._headers[name] = value

    def _open(self, method: str, path: str, body: dict | None = None, query: dict | None = None):
        given = {k: str(v).lower() if isinstance(v, bool) else v for k, v in (query or {}).items() if v is not None}
        url = self._base + path + ("?" + urlencode(given, doseq=True) if given else "")
        data = None if body is None else json.dumps({k: v for k, v in body.items() if v is not None}).encode()
        try:
            return urlopen(Request(url, data, self._headers, method=method), timeout=self._timeout)
        except HTTPError as refused:
            with refused:
                try:
                    error = json.load(refused)["error"]
                except (ValueError, KeyError, TypeError):
                    error = {"message": f"the server answered {refused.code}"}
            raise RefinerError(refused.code, error["message"], error.get("code") or "", error.get("param") or "") from None

    def _call(self, method: str, path: str, body: dict | None = None, query: dict | None = None) -> Any:
        with self._open(method, path, body, query) as answer:
            return json.load(answer)

    def me(self) -> dict:
        """Who is asking, and what they may do."""
        return self._call("GET", "me")

    def stats(self) -> dict:
        """Counts of the memories."""
        return self._call("GET", "stats")

    def list(self, **filters: Any) -> Iterator[dict]:
        """All memories, the last written first. Filters: session, kind (one or a list), role, state, since, until, pinned, limit (of a page)."""
        while True:
            page = self._call("GET", "memories", query=filters)
            yield from page["memories"]
            if not page.get("next"):
                return
            filters["cursor"] = page["next"]

    def add(self, *memories: str | dict, **fields: Any) -> dict:
        """Remembers texts, or dictionaries with a text; fields (kind, session, key, meta, …) hold for all of them. All or none."""
        return self._call("POST", "memories", {"memories": [{**fields, **({"text": m} if isinstance(m, str) else m)} for m in memories]})

    def get(self, id: str) -> dict:
        """One memory, live or superseded."""
        return self._call("GET", "memories/" + quote(id, safe=""))

    def delete(self, id: str, *, derived: bool = False, dry_run: bool = False) -> dict:
        """Deletes a memory for good, with what was made from it if derived; dry_run only tells what would go."""
        return self._call("DELETE", "memories/" + quote(id, safe=""), query={"derived": derived, "dry_run": dry_run})

    def history(self, id: str) -> dict:
        """All versions of a memory, and what happened to them."""
        return self._call("GET", f"memories/{quote(id, safe='')}/history")

    def supersede(self, id: str, text: str, *, also: list[str] | None = None, **fields: Any) -> dict:
        """Puts another memory in the place of one; both stay readable."""
        return self._call("POST", f"memories/{quote(id, safe='')}/supersede", {"memory": {**fields, "text": text}, "also": also})

    def undo(self, id: str) -> dict:
        """Takes back what a memory superseded."""
        return self._call("POST", f"memories/{quote(id, safe='')}/undo", {})

    def search(self, query: str, **options: Any) -> dict:
        """Recalls what answers a question. Options: limit, session, at, since, until, kinds, where, budget (packs for a prompt)."""
        return self._call("POST", "search", {"query": query, **options})

    def explain(self, query: str, **options: Any) -> dict:
        """Tells why a question recalls what it does."""
        return self._call("POST", "explain", {"query": query, **options})

    def ask(self, question: str, **options: Any) -> dict:
        """Answers a question from the memories. Options: messages, draft, session, limit, budget, refine, rounds, remember, …"""
        return self._call("POST", "ask", {"question": question, **options, "stream": False})

    def ask_stream(self, question: str, **options: Any) -> Iterator[dict]:
        """The events of an answer: memories, token, round, and at the end answer."""
        with self._open("POST", "ask", {"question": question, **options, "stream": True}) as answer:
            name = ""
            for raw in answer:
                line = raw.decode().rstrip("\r\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    event = json.loads(line[6:])
                    if name == "error":
                        raise RefinerError(0, event["error"]["message"], event["error"].get("code") or "")
                    yield event
