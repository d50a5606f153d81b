"""Measure a Sudoku model with `trm` and write what it reaches into its card.

    python card.py MODEL puzzles.csv [more.csv] [--limit 200] [--steps 256] [--retries 8] [--fields fields.json]

MODEL is a folder with model.safetensors and card.json; its card gets the field metrics, and those of --fields. Puzzles
are drawn at random from each file, --limit of each source. Ways to solve are measured apart, never mixed:

- rules: until an answer keeps the rules and the givens, within so many steps. Each puzzle has one answer, so that such a
  grid is the answer; nothing looks at the known one.
- plain: the answer after 16 steps, whatever it is.
- q-halt: the answer when the model first believes itself, within 64 steps.
- retries: rules, and the puzzles that are left begin anew with fresh noise in the first latents.

Shares come as [value, low, high, puzzles] with Wilson's 95 % interval; cells is the mean share of right cells.
"""
import argparse
import csv
import json
import pathlib
import random
import subprocess

MARKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
RATINGS = (0, 10, 50, 100, 200, 500, 10**9)


def wilson(right, of):
    z, p = 1.959964, right / of
    middle, half = (p + z * z / (2 * of)) / (1 + z * z / of), z / (1 + z * z / of) * (p * (1 - p) / of + z * z / (4 * of * of)) ** 0.5
    return [round(p, 4), round(max(0, middle - half), 4), round(min(1, middle + half), 4), of]


def sample(files, limit, seed=1):
    """Up to limit puzzles of each source of each file, in the order of the files."""
    rows = []
    for file in files:
        sources = {}
        with open(file, newline="") as f:
            for row in csv.DictReader(f):
                sources.setdefault(row["source"], []).append(row)
        for name in sorted(sources):
            rows += random.Random(seed).sample(sources[name], min(limit, len(sources[name])))
    return rows


def solve(trm, model, rows, *flags):
    """What `trm solve` says of each puzzle, in order."""
    text = "\n".join(r["question"].replace("0", ".") for r in rows) + "\n"
    done = subprocess.run([trm, "solve", "-", "--model", str(model), "--device", "cpu", "--json", *map(str, flags)], input=text, capture_output=True, text=True)
    if not done.stdout.strip():
        raise SystemExit(done.stderr)
    solved = json.loads(done.stdout)
    return solved if isinstance(solved, list) else [solved]


def exact(rows, solved, steps=None):
    """Which answers are right, within so many steps."""
    return [s["answer"] == r["answer"] and (steps is None or s["steps"] <= steps) for r, s in zip(rows, solved, strict=True)]


def cells(rows, solved):
    """Mean share of cells that are right."""
    return round(sum(sum(a == b for a, b in zip(s["answer"], r["answer"])) for r, s in zip(rows, solved)) / (81 * len(rows)), 4)


def measured(trm, model, rows, steps, retries, threads):
    """The metrics of one source."""
    common = ("--tta", 0, *(("--threads", threads) if threads else ()))
    rules = solve(trm, model, rows, "--steps", steps, *common)
    plain = solve(trm, model, rows, "--halt", "none", "--steps", 16, *common)
    q = solve(trm, model, rows, "--halt", "q", "--steps", min(64, steps), *common)
    within = {f"{m} steps": wilson(sum(exact(rows, rules, m)), len(rows)) for m in MARKS if m <= steps}
    result = {
        "rules": within, "plain, 16 steps": wilson(sum(exact(rows, plain)), len(rows)), f"q-halt, {min(64, steps)} steps": wilson(sum(exact(rows, q)), len(rows)),
        "cells": {"rules": cells(rows, rules), "plain, 16 steps": cells(rows, plain), f"q-halt, {min(64, steps)} steps": cells(rows, q)},
        "mean steps": {"rules": round(sum(s["steps"] for s in rules) / len(rows), 1), "q-halt": round(sum(s["steps"] for s in q) / len(rows), 1)},
        "believed and wrong": sum(s["q"] > 0 and s["answer"] != r["answer"] for r, s in zip(rows, q)),
    }
    left = [r for r, ok in zip(rows, exact(rows, rules)) if not ok]
    if retries and left:
        again = solve(trm, model, left, "--steps", 64, "--seed", 100, *common[2:], "--tta", retries)
        result["retries"] = {f"{steps} steps, then {retries} of 64": wilson(len(rows) - len(left) + sum(exact(left, again)), len(rows))}
    by_rating = {}
    for r, ok in zip(rows, exact(rows, rules)):
        if r.get("rating"):
            k = next(i for i, top in enumerate(RATINGS) if int(r["rating"]) <= top)
            name = f"{RATINGS[k - 1] + 1 if k else 0}-" + (str(RATINGS[k]) if k + 1 < len(RATINGS) else "")
            right, of = by_rating.get(name, (0, 0))
            by_rating[name] = (right + ok, of + 1)
    result["by rating"] = {name: wilson(*by_rating[name]) for name in sorted(by_rating, key=lambda n: int(n.split("-")[0]))}
    return result


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("puzzles", nargs="+")
    p.add_argument("--limit", type=int, default=200)
    p.add_argument("--steps", type=int, default=256)
    p.add_argument("--retries", type=int, default=8)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--fields", help="JSON with further fields for the card")
    p.add_argument("--trm", default="bin/trm")
    a = p.parse_args()
    rows, sources = sample(a.puzzles, a.limit), {}
    for row in rows:
        sources.setdefault(row["source"], []).append(row)
    metrics = {"how": f"trmcore/train/card.py on the CPU, fp32; {a.limit} puzzles of each source drawn at random; [value, low, high, puzzles], Wilson's 95 %"}
    for name, some in sources.items():
        metrics[name] = measured(a.trm, a.model, some, a.steps, a.retries, a.threads)
        print(json.dumps({name: metrics[name]}), flush=True)
    path = pathlib.Path(a.model) / "card.json"
    card = json.loads(path.read_text())
    if a.fields:
        card |= json.loads(pathlib.Path(a.fields).read_text())
    card["metrics"] = metrics
    path.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
