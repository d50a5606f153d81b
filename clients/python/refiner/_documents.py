"""What the retrievers share: a question as search wants it, and what a document says of its memory."""

from __future__ import annotations


def plain(question: str) -> str:
    """The beginning of a question, without what the query language takes for its own: quotes, asterisks and leading minus signs."""
    words = question[:4096].translate({ord(c): " " for c in '"*“”„\0'}).split()
    return " ".join(w for w in (w.lstrip("-") for w in words) if w)


def metadata(m: dict) -> dict:
    """The memory's own metadata, and over them kind, role, speaker, session, origin, said (when), until (when it held, or when a later
    memory took its place) and score, which is 1 for the best."""
    ends = [m[name] for name in ("valid_until", "outdated") if m.get(name)]
    fields = {"kind": m["kind"], "role": m.get("role"), "speaker": m.get("speaker"), "session": m["scope"].get("session"), "origin": m["origin"],
              "said": m["created"], "until": min(ends, default=None), "score": m["weight"]}
    return {**(m.get("meta") or {}), **{k: v for k, v in fields.items() if v is not None}}
