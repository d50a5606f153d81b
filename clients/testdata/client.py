"""python3 client.py URL KEY: the Python client against a server, which has one key for the user ada."""
import sys

sys.path.insert(0, "python")
from refiner import Refiner, RefinerError

m = Refiner(sys.argv[1], key=sys.argv[2])
assert m.me()["scope"]["user"] == "ada"
a, b = m.add("Ruth moved to Lisbon.", {"text": "The kayak lies in the garage.", "key": "kayak-py"}, kind="fact", session="py")["ids"]
assert m.add({"text": "again", "key": "kayak-py", "session": "py"})["skipped"] == 1
found = m.search("Where is the kayak?", budget=100)
assert found["memories"][0]["id"] == b and "garage" in found["packed"]["items"][0]["text"], found
assert [r["id"] for r in m.list(session="py", limit=1)] == [b, a]
assert not list(m.list(pinned=True))
new = m.supersede(b, "The kayak lies in the boat shed.", kind="fact", session="py")["id"]
assert m.get(b)["superseded_by"] == new and len(m.history(new)["records"]) == 2
m.undo(new)
assert "superseded" not in m.get(b)
assert m.explain("kayak")["memories"][0]["lifts"]
answer = m.ask("Where is the kayak?")
assert "garage" in answer["text"], answer
events = list(m.ask_stream("Where is the kayak?"))
assert events[0]["type"] == "memories" and events[-1]["answer"]["text"] == answer["text"]
assert m.delete(a, dry_run=True)["ids"] == [a] and m.get(a)
m.delete(a)
for call, status, code in ((lambda: m.get(a), 404, "not_found"), (lambda: Refiner(sys.argv[1], key="rfn_no").stats(), 401, "invalid_api_key"), (lambda: m.search("x", limit=-1), 400, "")):
    try:
        call()
    except RefinerError as e:
        assert e.status == status and (not code or e.code == code), (e.status, e.code, e)
    else:
        raise AssertionError("nothing was refused")
assert m.stats()["live"] >= 1
print("ok")
