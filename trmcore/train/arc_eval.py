"""Answer ARC tasks with a run's averaged weights, in buckets as it was trained, and vote.

    python arc_eval.py RUN challenges.json -o submission.json [--steps 16] [--votes 0]

writes the submission that `trm score arc` scores. Each test input is asked in every disguise that has an embedding; the
answers are cropped, undisguised and counted; equal counts are told apart by the mean confidence of the halting head. One
checkpoint votes, never several. How large an answer will be is guessed from the demonstrations, to choose the bucket.
"""
import argparse
import collections
import json
import pathlib
import sys

import torch

import arc
import checkpoint
from model import rotary_table
from trainer import averaged_model


def expected_side(demonstrations, question):
    """Side of the square that question and answer will need: by the demonstrations' rule for the size if they have one."""
    h, w = len(question), len(question[0])
    outs = {(len(o), len(o[0])) for _, o in demonstrations}
    scales = {(len(o) / len(i), len(o[0]) / len(i[0])) for i, o in demonstrations}
    if len(outs) == 1:
        (rows, columns), = outs
    elif len(scales) == 1:
        (a, b), = scales
        rows, columns = round(a * h), round(b * w)
    else:  # no rule: as large as any output or this input
        rows, columns = (max(n) for n in zip((h, w), *outs))
    return min(arc.SIDE, 1 + max(h, w, rows, columns))


def cropped(tokens, square):
    """The largest rectangle at the upper left corner that holds nothing but colours; [] if the corner is none."""
    best, width = (0, 0), square
    rows = tokens.view(square, square).tolist()
    for r, row in enumerate(rows):
        width = next((c for c in range(width) if row[c] < arc.COLOR), width)
        if (r + 1) * width > best[0] * best[1]:
            best = (r + 1, width)
    return [[t - arc.COLOR for t in row[: best[1]]] for row in rows[: best[0]]]


@torch.no_grad()
def answers(model, table, questions, steps, batch=64):
    """questions: (tokens [square^2], identifier) of one square; yields (tokens, confidence) of each."""
    arch, device = model.arch, model.H_init.device
    square = round(len(questions[0][0]) ** 0.5)
    where = torch.cat((torch.arange(arch.puzzle_emb_len), arch.puzzle_emb_len + arc.positions(square)))
    rotary = tuple(t.to(device) for t in rotary_table(arch, where))
    for at in range(0, len(questions), batch):
        some = questions[at : at + batch]
        tokens = torch.stack([t for t, _ in some]).long().to(device)
        puzzle = table[[i for _, i in some]].to(device)
        z_H, z_L = model.begin(len(some), len(where))
        for _ in range(steps):
            logits, q, z_H, z_L = model(z_H, z_L, tokens, puzzle, rotary)
        yield from zip(logits.argmax(-1).t().cpu(), q[:, 0].sigmoid().tolist())


def vote(model, table, names, tasks, steps=16, votes=0):
    """{task: [best candidates of each test input, the most voted first]}."""
    known = collections.defaultdict(list)
    for i, name in enumerate(names[1:], 1):
        task, turn, colors = arc.parse_name(name)
        known[task].append((i, turn, colors))
    asked = collections.defaultdict(list)  # by square
    for task, (demonstrations, inputs, _) in tasks.items():
        for k, question in enumerate(inputs):
            square = arc.SQUARES[arc.bucket_of(expected_side(demonstrations, question))]
            for i, turn, colors in known[task][: votes or None]:
                tokens = arc.canvas(arc.disguised(question, turn, colors)).view(arc.SIDE, arc.SIDE)[:square, :square].flatten()
                asked[square].append((task, k, turn, colors, tokens, i))
    ballots = collections.defaultdict(dict)  # (task, k): answer -> [votes, sum of confidences]
    for square, questions in sorted(asked.items()):
        results = answers(model, table, [(q[4], q[5]) for q in questions], steps)
        for (task, k, turn, colors, *_), (tokens, confidence) in zip(questions, results):
            answer = json.dumps(arc.undone(cropped(tokens, square), turn, colors))
            count, total = ballots[task, k].get(answer, (0, 0.0))
            ballots[task, k][answer] = (count + 1, total + confidence)
        print(f"square {square}: {len(questions)} answers", file=sys.stderr, flush=True)
    ranked = {}
    for task, (_, inputs, _) in tasks.items():
        ranked[task] = []
        for k in range(len(inputs)):
            order = sorted(ballots[task, k].items(), key=lambda a: (-a[1][0], -a[1][1] / a[1][0]))
            ranked[task].append([json.loads(answer) for answer, _ in order])
    return ranked


def submission(ranked):
    """The two most voted; one candidate twice, and a single black cell where there is none."""
    form = lambda c: {"attempt_1": (c or [[[0]]])[0] or [[0]], "attempt_2": (c or [[[0]]])[:2][-1] or [[0]]}
    return {task: [form(c) for c in candidates] for task, candidates in ranked.items()}


def pass_at(ranked, tasks, k):
    """As the official evaluator: per test pair, averaged over a task, then over the tasks with known outputs."""
    scores = [
        sum(o in c[:k] for o, c in zip(outputs, ranked[task])) / len(outputs) for task, (_, _, outputs) in tasks.items() if outputs
    ]
    return sum(scores) / max(1, len(scores)), len(scores)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run")
    p.add_argument("challenges")
    p.add_argument("--solutions", help="known outputs: prints pass@1 and pass@2 of the tasks in it")
    p.add_argument("-o", "--output", required=True)
    p.add_argument("--steps", type=int, default=16)
    p.add_argument("--votes", type=int, default=0, help="disguises of each test input; 0 is all")
    p.add_argument("--limit", type=int, default=0, help="first tasks only; 0 is all")
    a = p.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    state = checkpoint.load(pathlib.Path(a.run) / "state")
    model, table = averaged_model(state, torch.bfloat16 if device.type == "cuda" else torch.float32)
    model = model.to(device)
    names = json.loads((pathlib.Path(a.run) / "identifiers.json").read_text())
    tasks = dict(list(arc.read_tasks(a.challenges, a.solutions).items())[: a.limit or None])
    ranked = vote(model, table, names, tasks, a.steps, a.votes)
    pathlib.Path(a.output).write_text(json.dumps(submission(ranked)))
    if a.solutions:
        (one, n), (two, _) = pass_at(ranked, tasks, 1), pass_at(ranked, tasks, 2)
        print(json.dumps({"pass@1": one, "pass@2": two, "tasks": n, "steps": a.steps, "votes": a.votes}))


if __name__ == "__main__":
    main()
