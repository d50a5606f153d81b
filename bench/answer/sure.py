"""Trains the trees that tell how surely an answer answers, and says how good they are on conversations they have not seen.

    pip install lightgbm==4.7.0 numpy
    go -C bench run ./answer -locomo FILE -everyday DIR -dump answers.jsonl
    python bench/answer/sure.py answers.jsonl                                    # leave conversations out, then kinds
    python bench/answer/sure.py answers.jsonl --write refine/extract/sure.bin --plot docs/answers-reliability.svg   # train on everything

Beside what is asked, an answer that must not be given is made of each question without a label: by taking away the memories that
answer it ("bare", "fewbare" where few are left), by asking of a stranger ("swapped"), of the other one of two who talk ("other") and of
another conversation ("elsewhere"). The output is
scaled so that it is the logarithm of the odds for questions as people ask them. All randomness is seeded.
"""
import argparse, collections, json, os, struct, sys

import lightgbm as lgb
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ranker"))
from train import tree

WEIGHT = {"everyday": 4, "invented": 4, "locomo": .35, "statements": 4, "people": 4}
MADE = {"": 1, "bare": .15, "few": .15, "fewbare": .1, "swapped": .25, "other": .4, "elsewhere": .15}
PARAMETERS = dict(objective="binary", num_leaves=10, learning_rate=.05, min_data_in_leaf=25, feature_fraction=.3, bagging_fraction=.8, bagging_freq=1,
                  lambda_l2=5, max_bin=63, num_threads=1, verbose=-1, deterministic=True, force_row_wise=True)


def fit(x, y, w, trees, seeds):
    return [lgb.train(dict(PARAMETERS, seed=s, bagging_seed=s, feature_fraction_seed=s), lgb.Dataset(x, y, weight=w), trees) for s in range(seeds)]


def score(models, x):
    return np.sum([m.predict(x, raw_score=True) for m in models], 0)


def calibrate(s, y, w):
    """a and b of the logistic regression of y on a·s + b (Platt 1999)."""
    a, b = 0.0, 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-a * s - b))
        g = np.array([(w * (p - y) * s).sum(), (w * (p - y)).sum()])
        h = w * p * (1 - p)
        H = np.array([[(h * s * s).sum(), (h * s).sum()], [(h * s).sum(), h.sum()]]) + 1e-6 * np.eye(2)
        a, b = np.array([a, b]) - np.linalg.solve(H, g)
    return a, b


def auc(s, y):
    rank = np.argsort(np.argsort(s))
    n = y.sum()
    return (rank[y].sum() - n * (n - 1) / 2) / max(1, n * (len(y) - n))


def report(name, rows, s, y, plain, sets):
    print(name)
    for k in WEIGHT:
        good = plain & (sets == k) & y
        parts = []
        for made in MADE:
            bad = np.array([r["Unanswerable"] and r["Variant"] == made and r["Set"] == k for r in rows])
            if good.any() and bad.any():
                parts.append("%s %.3f (%d)" % (made or "asked", auc(s[good | bad], y[good | bad]), bad.sum()))
        if parts:
            print("  %s: right answers before unanswerable questions: %s" % (k, ", ".join(parts)))
    p = 1 / (1 + np.exp(-s))
    for t in (.2, .25, .3, .35, .4, .45, .5, .55, .6):
        v = collections.Counter(r["Found"] if q >= t else r["Refused"] for r, q in zip(rows, p) if r["Set"] == "everyday" and r["Variant"] == "")
        other = []
        for k in ("locomo", "people", "invented"):
            m = np.array([r["Set"] == k and r["Variant"] == "" for r in rows])
            u = m & np.array([r["Unanswerable"] for r in rows])
            if m.any():
                other.append("%s %d of %d right given, %d of %d unanswerable" % (k, (m & y & (p >= t)).sum(), (m & y).sum(), (u & (p >= t)).sum(), u.sum()))
        print("  from %.2f: " % t + ", ".join("%s %d" % x for x in sorted(v.items())) + "; " + "; ".join(other))
    for k in ("everyday", "invented", "people", "locomo"):
        bins = []
        for lo in np.arange(0, 1, .2):
            m = plain & (sets == k) & (p >= lo) & (p < lo + .2 + (lo > .7))
            if m.any():
                bins.append("%.1f: %.2f of %d" % (lo, y[m].mean(), m.sum()))
        if bins:
            print("  %s by score: %s" % (k, ", ".join(bins)))


def plot(path, curves):
    """Draws, for each of some sets of answers, the share that is right by the score, with the number of answers."""
    size, edge = 320, 46
    at = lambda x, y: (edge + x * size, 20 + (1 - y) * size)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">' % (size + edge + 190, size + 66),
           '<rect width="100%" height="100%" fill="#fff"/>', '<line x1="%g" y1="%g" x2="%g" y2="%g" stroke="#bbb" stroke-dasharray="4"/>' % (*at(0, 0), *at(1, 1))]
    for t in (0, .2, .4, .6, .8, 1):
        (x, y), (u, v) = at(t, 0), at(0, t)
        out.append('<text x="%g" y="%g" text-anchor="middle">%.1f</text><text x="%g" y="%g" text-anchor="end">%.1f</text>' % (x, y + 18, t, u - 8, v + 4, t))
    (x, y), (u, v) = at(0, 0), at(1, 1)
    out.append('<path d="M%g %gV%gH%g" fill="none" stroke="#333"/>' % (x, v, y, u))
    out.append('<text x="%g" y="%g" text-anchor="middle">score</text><text x="14" y="%g" text-anchor="middle" transform="rotate(-90 14 %g)">share that is right</text>' % ((x + u) / 2, y + 38, (y + v) / 2, (y + v) / 2))
    for i, (name, color, p, right) in enumerate(curves):
        points = []
        for lo in np.arange(0, .99, .2):
            m = (p >= lo) & (p < lo + .2 + (lo > .7))
            if m.sum() >= 5:
                points.append((*at(p[m].mean(), right[m].mean()), m.sum()))
        out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (" ".join("%.1f,%.1f" % q[:2] for q in points), color))
        out += ['<circle cx="%.1f" cy="%.1f" r="4" fill="%s"><title>%d answers</title></circle>' % (*q[:2], color, q[2]) for q in points]
        out.append('<text x="%g" y="%g" fill="%s">%s (%d)</text>' % (u + 14, 40 + 20 * i, color, name, len(p)))
    with open(path, "w") as f:
        f.write("\n".join(out + ["</svg>"]) + "\n")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("file")
    a.add_argument("--write")
    a.add_argument("--plot", metavar="SVG", help="draw how often the scores of conversations that were left out are right")
    a.add_argument("--trees", type=int, default=220)
    a.add_argument("--seeds", type=int, default=3)
    a = a.parse_args()
    with open(a.file) as f:
        rows = [json.loads(line) for line in f]
    x = np.array([r["X"] for r in rows], dtype=np.float32)
    y = np.array([r["Right"] for r in rows])
    sets, made, folds = (np.array([r[k] for r in rows]) for k in ("Set", "Variant", "Fold"))
    w = np.array([WEIGHT[r["Set"]] * MADE[r["Variant"]] for r in rows])
    plain = made == ""
    asked = plain & (sets != "statements")
    s = np.zeros(len(rows))
    for f in sorted(set(folds)):
        s[folds == f] = score(fit(x[folds != f], y[folds != f], w[folds != f], a.trees, a.seeds), x[folds == f])
    scale, shift = calibrate(s[asked], y[asked], w[asked])
    print("calibration: %.3f times %+.3f" % (scale, shift))
    report("each conversation by the others", rows, scale * s + shift, y, plain, sets)
    for kind in ("everyday", "invented", "locomo", "people"):
        if (sets == kind).any():
            o = sets != kind
            report(kind + " by the other kinds", [r for r in rows if r["Set"] == kind], scale * score(fit(x[o], y[o], w[o], a.trees, a.seeds), x[~o]) + shift, y[~o], plain[~o], sets[~o])
    if a.plot:
        p = 1 / (1 + np.exp(-scale * s - shift))
        named = (("everyday suite", "everyday", "#1b6ca8"), ("invented histories", "invented", "#7b3fa0"), ("small invented stores", "people", "#c05621"), ("LoCoMo", "locomo", "#4a7c3a"))
        plot(a.plot, [(name, color, p[plain & (sets == k)], y[plain & (sets == k)]) for name, k, color in named if (plain & (sets == k)).any()])
    if a.write:
        trees = [tree(t["tree_structure"]) for m in fit(x, y, w, a.trees, a.seeds) for t in m.dump_model()["tree_info"]]
        trees.append(struct.pack("<Bf", 1, shift / scale))
        with open(a.write, "wb") as f:
            f.write(b"TRE1" + struct.pack("<HHf", x.shape[1], len(trees), scale) + b"".join(trees))


if __name__ == "__main__":
    main()
