"""Check a run's export: PyTorch's reference and `trm` give the same answers with it. Ends with 1 where they do not.

    python verify.py RUN puzzles.csv [--limit 64]
"""
import argparse
import json
import pathlib
import subprocess
import sys

import torch

import data

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "bench" / "parity"))
import reference  # noqa: E402


def by_pytorch(run, questions, steps=16):
    """Answers [N, 81] and halting logits [N] of the independent implementation, on the CPU, in fp32."""
    model, table = reference.load(run)
    state, puzzle = model.begin(len(questions)), None if table is None else table[torch.zeros(len(questions), dtype=torch.long)]
    with torch.no_grad():
        for _ in range(steps):
            logits, q, *state = model(questions.long() + data.BLANK, puzzle, *state)
    return logits.argmax(-1).clamp(min=1) - 1, q[:, 0]


def by_trm(run, questions, trm):
    lines = "\n".join("".join(map(str, row)).replace("0", ".") for row in questions.tolist())
    command = [trm, "solve", "-", "--model", str(run), "--device", "cpu", "--halt", "none", "--json"]
    done = subprocess.run(command, input=lines + "\n", capture_output=True, text=True, cwd=ROOT)
    if not done.stdout.strip():
        raise SystemExit(done.stderr)
    solved = json.loads(done.stdout)
    return torch.tensor([[int(c) for c in s["answer"].replace(".", "0")] for s in solved]), torch.tensor([s["q"] for s in solved])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run")
    p.add_argument("puzzles")
    p.add_argument("--limit", type=int, default=64)
    p.add_argument("--trm", default="bin/trm")
    a = p.parse_args()
    if not (ROOT / a.trm).exists():
        print(f"no {a.trm}: the export is not compared (make build runtime)", file=sys.stderr)
        return
    torch.set_num_threads(1)  # 64 small puzzles; more threads only wait for each other
    questions, answers = data.read(a.puzzles, a.limit)
    ours, q = by_pytorch(a.run, questions)
    theirs, q_theirs = by_trm(pathlib.Path(a.run).resolve(), questions, a.trm)
    solved = (ours == answers).all(-1)
    # A puzzle that is solved has settled; on others rounding grows over the steps and may change a cell.
    differ = int((ours != theirs).any(-1)[solved].sum())
    print(json.dumps({"puzzles": len(questions), "solved": int(solved.sum()), "solved_differently": differ,
                      "unsolved_differently": int((ours != theirs).any(-1)[~solved].sum()), "max_q_difference": float((q - q_theirs)[solved].abs().amax() if solved.any() else 0)}))
    if differ:
        sys.exit(1)


if __name__ == "__main__":
    main()
