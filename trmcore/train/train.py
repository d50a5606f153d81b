"""Train a Tiny Recursive Model. Run it again with the same --out to go on where it stopped.

    python train.py b --data train.csv --held test.csv --out runs/b --minutes 9

The recipe (recipes.py) says what is trained and how long its schedule is; --minutes only when this process stops. In
--out it keeps state/ (resumes the run), model.safetensors and card.json (what `trm` loads: the averaged weights), and
log.jsonl: a line every 50 steps with step, seconds, loss, cells, exact and halted of the batch, tflops and share of the
device's measured matmul ceiling (mfu), and a line at every save with the exact and cell accuracy on the --held files.
"""
import argparse
import json
import pathlib
import signal
import sys
import time

import torch

import arc
import checkpoint
import data
from export import export
from recipes import RECIPES, changed
from trainer import Trainer

WINDOW = 50  # steps to a line of the log, or
SECONDS = 60  # when so many are over


def ceiling(device):
    """Measured TFLOP/s of a large matrix product in the precision of training, after a warm-up."""
    cuda = device.type == "cuda"
    n, dtype = (8192, torch.bfloat16) if cuda else (1024, torch.float32)
    a, b, times = torch.randn(n, n, device=device, dtype=dtype), torch.randn(n, n, device=device, dtype=dtype), []
    for _ in range(8):
        begin = time.perf_counter()
        for _ in range(10 if cuda else 1):
            a @ b
        if cuda:
            torch.cuda.synchronize()
        times.append((time.perf_counter() - begin) / (10 if cuda else 1))
    return 2 * n**3 / min(times) / 1e12


class Log:
    """JSON Lines, and the last line on the terminal."""

    def __init__(self, path):
        self.file = open(path, "a", buffering=1)

    def write(self, **line):
        self.file.write(json.dumps(line) + "\n")
        print(" ".join(f"{k} {v}" for k, v in line.items()), file=sys.stderr, flush=True)


def source(recipe, a, device):
    """The data of the recipe's task."""
    if recipe.task == "arc":
        tasks = arc.Arc(a.data, a.evaluate, recipe, device)
        (pathlib.Path(a.out) / "identifiers.json").write_text(json.dumps(tasks.names))
        return tasks
    return data.Sudoku(a.data, recipe.batch, device, recipe.seed, recipe.givens, disguised=not recipe.arch.cover)


def save(trainer, out, held, log):
    """State, export, and accuracy of the averaged weights; the mean exact share of the held files, NaN without any."""
    size = trainer.save(out / "state")
    accuracy = {}
    with trainer.averaged():
        export(trainer, out)
        for name, (questions, answers) in held.items():
            accuracy[name] = [round(v, 4) for v in data.evaluate(trainer.model, questions, answers)]
    log.write(step=trainer.step, seconds=round(trainer.seconds, 1), saved=size, **accuracy)
    return sum(exact for exact, _ in accuracy.values()) / max(1, len(accuracy))


def run(trainer, a, log, held):
    """Steps until the schedule or the time is over, or a signal asks to stop. Always saves at the end."""
    out, peak, asked = pathlib.Path(a.out), ceiling(trainer.device), []
    for s in (signal.SIGINT, signal.SIGTERM):
        signal.signal(s, lambda *_: asked.append(True))
    begin = saved = time.monotonic()
    before, window, mark = trainer.seconds, [], begin
    best, stale = -1.0, 0
    if trainer.recipe.arch.cover:
        print(f"kernel: {'in use' if trainer.without is None else 'PyTorch instead, since ' + trainer.without}", file=sys.stderr)
    while trainer.progress() < 1 and not asked and time.monotonic() - begin < 60 * a.minutes:
        window.append(trainer.advance())
        if len(window) == WINDOW or time.monotonic() - mark > SECONDS:
            loss, cells, exact, halted, norm = torch.stack(window).mean(0).tolist()  # waits for the device, once a window
            now = time.monotonic()
            tflops = len(window) * trainer.flops() / (now - mark) / 1e12
            log.write(step=trainer.step, seconds=round(trainer.seconds, 1), progress=round(trainer.progress(), 4), loss=round(loss, 4),
                      cells=round(cells, 4), exact=round(exact, 4), halted=round(halted, 4), norm=round(norm, 3),
                      tflops=round(tflops, 4), mfu=round(tflops / peak, 3))
            window, mark = [], now
        if time.monotonic() - saved > 60 * a.save_minutes:
            exact = save(trainer, out, held, log)
            window, saved = [], time.monotonic()
            mark = saved
            best, stale = (exact, 0) if exact > best else (best, stale + 1)
            if a.patience and held and stale >= a.patience:
                print(f"no better than {best:.4f} for {stale} saves: stopped; go on with more --minutes or a smaller rate", file=sys.stderr)
                return
        trainer.seconds = before + time.monotonic() - begin
    save(trainer, out, held, log)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("recipe", choices=RECIPES)
    p.add_argument("--data", action="append", required=True, help="sudoku: CSV, FILE or FILE=WEIGHT; arc: challenges.json, FILE or FILE=SOLUTIONS (may be repeated)")
    p.add_argument("--evaluate", action="append", default=[], help="arc: challenges.json whose demonstrations alone are learned (may be repeated)")
    p.add_argument("--held", action="append", default=[], help="sudoku: CSV to measure on at every save (may be repeated)")
    p.add_argument("--held-limit", type=int, default=500, help="puzzles of each of them")
    p.add_argument("--out", required=True, help="folder of the run")
    p.add_argument("--minutes", type=float, default=9, help="stop after so many minutes")
    p.add_argument("--save-minutes", type=float, default=4, help="save every so many minutes; the run restarts its rows there")
    p.add_argument("--patience", type=int, default=0, help="stop after so many saves without a better share of the held puzzles; 0 never")
    p.add_argument("--threads", type=int, default=0, help="CPU threads; 0 is PyTorch's choice")
    p.add_argument("--eager", action="store_true", help="do not compile")
    p.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field of the recipe")
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.set_float32_matmul_precision("high")
    recipe = changed(RECIPES[a.recipe], a.set)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    out = pathlib.Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(recipe, source(recipe, a, device), device, compiled=not a.eager)
    if checkpoint.exists(out / "state"):
        trainer.restore(checkpoint.load(out / "state"))
    held = {pathlib.Path(f).stem: data.read(f, a.held_limit) for f in a.held}
    run(trainer, a, Log(out / "log.jsonl"), held)


if __name__ == "__main__":
    main()
