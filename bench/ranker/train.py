"""Trains the learned ranking and tells how good it is on kinds of memory that it was not trained on.

    pip install lightgbm==4.7.0 numpy
    go run ./ranker -out features.bin                                       # in bench; -embedder minilm: with vectors
    python ranker/train.py features.bin                                     # leave conversations out, then kinds
    python ranker/train.py features.bin --write ../importance/ranker.bin    # train on everything

Scores are sums over --seeds models. All randomness is seeded: the same features give the same file.
"""
import argparse, collections, json, math, struct

import lightgbm as lgb
import numpy as np

# How much a question of each kind counts: the kinds are of very different size.
WEIGHT = {"locomo": 2.0, "beam": 8.0, "everyday": 10.0, "assistants": 1.0, "facts": 1.0, "bare": 1.0, "updates": 0.7, "moved": 0.7,
          "people": 2.0, "fragments": 0.7, "invented": 3.0, "swapped": 1.0, "outdated": 0.7, "pieces": 0.7}
DEPTH = 64
BLEND = 0.1  # share of the relevance by words and neighbours in the ranking, as importance.plainShare has it
WHOLE = ("everyday/", "invented/")  # sources of whose questions a whole set of evidence must be found
MAIN = ("locomo", "beam", "everyday", "invented")  # what is not made of others
PARAMETERS = dict(objective="lambdarank", num_leaves=12, learning_rate=0.07, min_data_in_leaf=40, feature_fraction=0.4, bagging_fraction=0.8,
                  bagging_freq=1, lambda_l2=5.0, lambdarank_truncation_level=20, max_bin=127, num_threads=1, verbose=-1, deterministic=True, force_row_wise=True)
MONOTONE = ("lex", "lex_abs", "cover", "cover_known", "cover_bare", "matched")


class Data:
    def __init__(self, *paths):
        self.q, rows, labels = [], [], []
        for path in paths:
            with open(path, "rb") as f:
                while line := f.readline():
                    h = json.loads(line)
                    n, names = len(h["refs"] or []), h["names"]
                    self.names = names
                    x = np.frombuffer(f.read(4 * n * len(names)), dtype="<f4").reshape(n, len(names))
                    wanted = {r for s in h["sets"] for r in s}
                    self.q.append(h)
                    rows.append(x)
                    labels.append(np.array([r in wanted for r in h["refs"] or []], dtype=np.int8))
        start = 0
        for h, x in zip(self.q, rows):
            h["from"], h["to"] = start, start + len(x)
            start += len(x)
        self.x = np.concatenate(rows)
        self.y = np.concatenate(labels)

    def pick(self, keep):
        return [i for i, h in enumerate(self.q) if keep(h)]


def place(h, order):
    at = {}
    for i, j in enumerate(order):
        at.setdefault(h["refs"][j], i + 1)
    return at


def measure(h, order):
    """(first place, in the first 5, in the first 10, reciprocal rank) of the evidence, and whether it leads what is stale."""
    at = place(h, order)
    lead = float("nan")
    if h.get("stale"):
        p = min(max(at.get(r, 10**6) for r in s) for s in h["sets"])
        lead = float(p <= 10 and p < min(at.get(r, 10**6) for r in h["stale"]))
    return quality(h, at) + (lead,)


def quality(h, at):
    if h["kind"] in ("facts", "bare", "fragments") or h["source"].startswith(WHOLE):
        p = min(max(at.get(r, 10**6) for r in s) for s in h["sets"])
        return p <= 1, p <= 5, p <= 10, 1 / p if p < 10**6 else 0
    ps = [at.get(r, 10**6) for r in h["sets"][0]]
    return min(ps) <= 1, np.mean([p <= 5 for p in ps]), np.mean([p <= 10 for p in ps]), 1 / min(ps) if min(ps) < 10**6 else 0


def train(d, questions, seeds, trees, columns=None, extra=None, **over):
    column, kept, parts = d.names.index("relevance_rank"), [], []
    for i in questions:  # the most relevant by words are enough to learn from
        rows = np.arange(d.q[i]["from"], d.q[i]["to"])
        rows = rows[d.x[rows, column] <= math.log(DEPTH)]
        if d.y[rows].any():
            kept.append(i)
            parts.append(rows)
    questions, index, group = kept, np.concatenate(parts), [len(x) for x in parts]
    weight = np.concatenate([np.full(g, WEIGHT[d.q[i]["kind"]]) for i, g in zip(questions, group)])
    x = d.x[index]
    constraint = [1 if n in MONOTONE else 0 for n in d.names]
    if columns is not None:
        x = x[:, columns]
        constraint = [constraint[c] for c in columns]
    models = []
    for s in range(seeds):
        p = dict(PARAMETERS, seed=s, **over)
        if not p.pop("free", False):
            p["monotone_constraints"] = constraint
        models.append(lgb.train(p, lgb.Dataset(x, d.y[index], group=group, weight=weight, free_raw_data=True), trees))
    return models


def score(models, x):
    return sum(m.predict(x, num_threads=1) for m in models)


def report(title, d, results):
    kinds = collections.defaultdict(list)
    for i, m in results:
        kinds[d.q[i]["kind"]].append(m)
    print(title)
    for k, v in kinds.items():
        v = np.array(v, float)
        leads = v[~np.isnan(v[:, 4]), 4]
        print("   %-10s n %4d  @1 %.3f  @5 %.3f  @10 %.3f  MRR %.3f" % ((k, len(v)) + tuple(v[:, :4].mean(0))),
              "  present leads %d of %d" % (leads.sum(), len(leads)) if len(leads) else "", flush=True)


def evaluate(d, questions, models, columns=None, blend=BLEND):
    out = []
    for i in questions:
        h = d.q[i]
        if not h["refs"]:
            out.append((i, (0, 0, 0, 0, 0.0 if h.get("stale") else float("nan"))))
            continue
        x = d.x[h["from"]:h["to"]]
        s = score(models, x if columns is None else x[:, columns])
        if blend:
            s = newest(d, h, (1 - blend) * (s - s.mean()) / (s.std() + 1e-9) + blend * plain(d, h))
        out.append((i, measure(h, np.argsort(-s, kind="stable"))))
    return out


def newest(d, h, s):
    """Scores with the bonus of the latest among the best three, as importance.preferNewest gives it."""
    x, best = d.x[h["from"]:h["to"]], np.argsort(-s, kind="stable")[:3]
    recency, assistant, lexical = (x[:, d.names.index(n)] for n in ("recency", "assistant", "lex"))
    s = s.copy()
    for i in best:
        if lexical[i] > 0 and not assistant[i]:
            s[i] += 0.4 * sum(recency[j] < recency[i] - 1e-6 for j in best) / 2
    return s


def plain(d, h):
    v = d.x[h["from"]:h["to"], d.names.index("relevance")]
    return (v - v.mean()) / (v.std() + 1e-9)


def folds(d):
    sources = sorted({h["source"] for h in d.q})
    by = {}
    for kind in MAIN:
        for n, s in enumerate(s for s in sources if s.startswith(kind + "/")):
            by[s] = n % 5
    return by


def vectors(path, models, d):
    """Rows with their scores, to hold the implementation in Go against."""
    rows = np.random.default_rng(1).choice(len(d.x), 200, replace=False)
    scores = score(models, d.x[rows])
    with open(path, "w") as f:
        f.write("[\n" + ",\n".join('{"row": %s, "score": %.9g}' % (json.dumps([float("%.9g" % v) for v in d.x[r]]), s) for r, s in zip(rows, scores)) + "\n]\n")


def write(path, models, names, scale):
    out = bytearray(b"TRE1" + struct.pack("<HHf", len(names), sum(len(m.dump_model()["tree_info"]) for m in models), scale))
    for m in models:
        for t in m.dump_model()["tree_info"]:
            out += tree(t["tree_structure"])
    with open(path, "wb") as f:
        f.write(out)
    print(len(out), "bytes,", sum(m.num_trees() for m in models), "trees")


def floor32(x):
    """The greatest float32 that is not above x: a float32 is at most x if it is at most that."""
    f = np.float32(x)
    return float(np.nextafter(f, np.float32(-np.inf)) if float(f) > x else f)


def tree(root):
    nodes, leaves = [], []

    def walk(n):
        if "leaf_value" in n:
            leaves.append(n["leaf_value"])
            return -len(leaves)  # ^(number)
        at = len(nodes)
        nodes.append(None)
        left, right = walk(n["left_child"]), walk(n["right_child"])
        nodes[at] = (n["split_feature"], floor32(n["threshold"]), left, right, n["internal_value"])
        return at

    walk(root)
    b = struct.pack("<B", len(leaves))
    for f, t, l, r, v in nodes:
        b += struct.pack("<Bfbbf", f, t, l, r, v)
    return b + b"".join(struct.pack("<f", v) for v in leaves)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("features", nargs="+")
    p.add_argument("--seeds", type=int, default=4)
    p.add_argument("--trees", type=int, default=120)
    p.add_argument("--write", metavar="FILE", help="train on everything and write the model")
    p.add_argument("--vectors", metavar="FILE", help="and write rows with their scores, for the test in Go")
    a = p.parse_args()
    d = Data(*a.features)
    everything = range(len(d.q))
    if a.write:
        models = train(d, everything, a.seeds, a.trees)
        gaps = []
        for h in d.q:
            if h["kind"] in MAIN and len(h["refs"] or []) > 10:
                s = np.sort(-score(models, d.x[h["from"]:h["to"]]))
                gaps.append(s[0] - s[9])
        write(a.write, models, d.names, -float(np.median(gaps)) / math.log(3))  # the tenth weighs a third of the first
        if a.vectors:
            vectors(a.vectors, models, d)
        return
    report("BM25", d, [(i, measure(d.q[i], np.argsort(-np.array(d.q[i]["lexical"] or []), kind="stable"))) for i in everything])
    by, results = folds(d), []
    for f in range(5):
        models = train(d, [i for i in everything if by[d.q[i]["source"]] != f], a.seeds, a.trees)
        results += evaluate(d, [i for i in everything if by[d.q[i]["source"]] == f], models)
    report("conversations left out", d, results)
    results = []
    for kind in MAIN:
        models = train(d, [i for i in everything if not d.q[i]["source"].startswith(kind + "/")], a.seeds, a.trees)
        results += evaluate(d, [i for i in everything if d.q[i]["kind"] == kind], models)
    report("whole kinds left out, with what is made of them", d, results)


if __name__ == "__main__":
    main()
