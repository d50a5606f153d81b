"""Train a model for mazes on a CPU. Run it again with the same --out to go on where it stopped.

    python maze.py --out runs/maze --minutes 20 [--walls train_inputs.npy] [--held inputs.npy labels.npy]

Small mazes first, then larger ones: the weights do not depend on the size (grid.py). Two things help the wave to be learned,
and neither is part of the model:

- next_head says for each cell which neighbour is nearer to the goal: where the wave has been, and where it came from.
- A cell is a question only once news can have come that far: the path's cells after the wave went to the start and back.
"""
import argparse
import json
import math
import pathlib
import time

import numpy
import torch
from torch.nn import functional as F

from export import write
from grid import FREE, PATH, GridTRM
from mazes import Mazes
from model import Arch
from optim import EMA, AdamATan2, Muon

ARCH = Arch(vocab_size=6, seq_len=900, hidden_size=32, num_heads=1, L_layers=2, H_cycles=3, L_cycles=3, mlp_t=False, grid=True, inter_size=64, inter_units=64)
# Until which share of the time at the latest; side; batch; shortest way; H-cycles of a step at most.
STAGES = ((0.15, 8, 96, 4, 2), (0.27, 11, 64, 8, 3), (0.4, 15, 40, 14, 3), (0.6, 21, 24, 30, 3), (1.0, 30, 16, 60, 3))
LEAVES = 0.15  # share of right rows that are replaced after a step; the others learn to stay right
SKILL, WINDOW = 0.92, 150  # a stage ends when so many of the last mazes that left the batch were right
SLOW = 1.5  # blocks that news may take to go one cell; the wave that was learned takes 1.33
EMA_DECAY, MUON, ADAM, WARMUP = 0.99, 0.015, 3e-3, 50


class Trainer:
    def __init__(self, out, minutes, walls=None, seed=0):
        torch.manual_seed(seed)
        self.out, self.minutes, self.walls = pathlib.Path(out), minutes, walls
        self.rng, self.model = numpy.random.default_rng(seed), GridTRM(ARCH)
        named = dict(self.model.named_parameters())
        blocks = [n for n in named if n.startswith("L_level")]
        self.optimisers = [AdamATan2([p for n, p in named.items() if n not in blocks], ADAM, 0.01), Muon([named[n] for n in blocks], MUON, 0.9, 0.002)]
        self.ema = EMA(named.values(), EMA_DECAY)
        self.step, self.seconds, self.stage, self.skill = 0, 0.0, -1, []

    def begin(self, stage):
        """The first batch of a stage."""
        _, side, batch, least, self.cycles = STAGES[stage]
        self.stage, self.skill = stage, []
        self.mazes = Mazes(side, least, self.rng, self.walls if side == 30 else None)
        self.rows = list(self.mazes.take(batch))
        self.states = [z.clone() for z in self.model.begin(batch, side)]
        self.blocks = torch.zeros(batch, dtype=torch.long)  # that each row went through

    def refill(self, halted):
        """Give the rows that are done other mazes."""
        i = halted.nonzero()[:, 0]
        for row, fresh in zip(self.rows, self.mazes.take(len(i))):
            row[i] = fresh
        for z, first in zip(self.states, self.model.begin(len(i), self.mazes.side)):
            z[:, :, i] = first.to(z.dtype)
        self.blocks[i] = 0

    def advance(self, progress):
        """One optimiser step; returns the losses of path and moves, and the share of rows that are right."""
        tokens, labels, distance, moves = self.rows
        cycles = int(torch.randint(1, self.cycles + 1, ()))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            path, q, *states = self.model(*self.states, tokens.permute(1, 2, 0), cycles)
            moved = self.model.next_head(states[0]).float()
        path, moved = path.permute(2, 0, 1), moved.permute(2, 3, 0, 1)
        self.blocks += cycles * (ARCH.L_cycles + 1) * ARCH.L_layers
        length, news = (labels == PATH).sum((1, 2)) + 1, self.blocks[:, None, None] / SLOW
        free, on = tokens == FREE, labels == PATH
        asked = free & (~on | (news >= 2 * length[:, None, None] - distance))
        reached = (moves > 0) & (distance <= news)
        right = (((path > 0) == on) | ~free).flatten(1).all(1)
        losses = (
            mean(F.binary_cross_entropy_with_logits(path, on.float(), reduction="none"), asked * (1.0 + on)),
            mean(F.cross_entropy(moved, moves, reduction="none"), reached.float()),
            F.binary_cross_entropy_with_logits(q[:, 0], right.float()),
        )
        (losses[0] + 0.5 * losses[1] + 0.05 * losses[2]).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        scale = torch.tensor(min(1.0, (self.step + 1) / WARMUP) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, progress))))
        for o in self.optimisers:
            o.step(scale, torch.tensor(self.step + 1.0))
        self.model.zero_grad()
        self.ema.decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        self.ema.step()
        self.step += 1
        self.states = [z.detach() for z in states]
        halted = (right & (torch.rand(len(right)) < LEAVES)) | (self.blocks > 4 * length + 100)
        self.skill += right[halted].tolist()
        if halted.any():
            self.refill(halted)
        return losses[0].item(), losses[1].item(), right.float().mean().item()

    def run(self, log, until):
        """Trains until the schedule or this call's time is over, by processor time, and saves."""
        first, kept = time.process_time(), self.seconds
        window, said, saved = [], 0.0, 0.0
        while self.seconds < 60 * self.minutes and self.seconds - kept < 60 * until:
            progress = self.seconds / (60 * self.minutes)
            stage = max(self.stage, next(i for i, s in enumerate(STAGES) if progress < s[0]))
            if len(self.skill) >= WINDOW and sum(self.skill[-WINDOW:]) > SKILL * WINDOW:
                stage = min(max(stage, self.stage + 1), len(STAGES) - 1)
            if stage != self.stage:
                self.begin(stage)
            window.append(self.advance(progress))
            self.seconds = kept + time.process_time() - first
            if self.seconds - said > 10:
                path, move, right = numpy.mean(window, 0)
                log(step=self.step, seconds=round(self.seconds, 1), side=self.mazes.side, path=round(path, 5), move=round(move, 5), right=round(right, 4))
                window, said = [], self.seconds
            if self.seconds - saved > 60:
                self.save()
                saved = self.seconds
        self.save()

    def save(self):
        """The state, and the averaged weights as trm loads them."""
        kept = {"model": self.model.state_dict(), "ema": self.ema.shadow, "optimisers": [o.state() for o in self.optimisers]}
        torch.save(kept | {"step": self.step, "seconds": self.seconds, "stage": self.stage, "rng": torch.get_rng_state()}, self.out / "state.new")
        (self.out / "state.new").replace(self.out / "state.pt")
        export(self.averaged(), self.out, self.step, self.seconds)

    def restore(self):
        state = torch.load(self.out / "state.pt")
        self.model.load_state_dict(state["model"])
        for old, new in zip(self.ema.shadow, state["ema"], strict=True):
            old.copy_(new)
        for o, kept in zip(self.optimisers, state["optimisers"], strict=True):
            for name, tensors in o.state().items():
                for old, new in zip(tensors, kept[name], strict=True):
                    old.copy_(new)
        self.step, self.seconds = state["step"], state["seconds"]
        torch.set_rng_state(state["rng"])
        self.rng = numpy.random.default_rng(self.step)
        self.begin(state["stage"])

    @torch.no_grad()
    def averaged(self):
        model = GridTRM(ARCH)
        model.load_state_dict(self.model.state_dict())
        for p, s in zip(model.parameters(), self.ema.shadow):
            p.copy_(s)
        return model


def mean(each, weight):
    """The mean over a maze's cells by weight, and over the mazes."""
    return ((each * weight).sum((1, 2)) / weight.sum((1, 2)).clamp(min=1)).mean()


def export(model, folder, step, seconds, fields=()):
    """What trm loads: without next_head, which nothing reads any more."""
    arch = {k: v for k, v in vars(ARCH).items() if v or k in ("mlp_t", "puzzle_emb_len", "puzzle_emb_ndim")}
    del model.next_head
    params = sum(p.numel() for p in model.parameters())
    card = {"name": f"maze-grid-{params / 1e6:.2f}M", "task": "maze", "arch": arch, "params": params, "steps": 20,
            "training": {"steps": step, "seconds": round(seconds)}, "licence": "MIT"}
    write(folder, model, card | dict(fields))


@torch.no_grad()
def evaluate(model, inputs, labels, steps=16, batch=16):
    """Share of mazes [N, cells] whose path is the labelled one after each step."""
    side, right = math.isqrt(inputs.shape[1]), []
    for first in range(0, len(inputs), batch):
        tokens, want = (torch.from_numpy(x[first : first + batch].astype(numpy.int64)).view(-1, side, side).permute(1, 2, 0) for x in (inputs, labels))
        states, now = model.begin(tokens.shape[2], side), []
        for _ in range(steps):
            path, _, *states = model(*states, tokens)
            now.append((((path > 0) == (want == PATH)) | (tokens != FREE)).all(0).all(0))
        right.append(torch.stack(now))
    return torch.cat(right, 1).float().mean(1).tolist()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", required=True, help="folder of the run")
    p.add_argument("--minutes", type=float, default=20, help="length of the schedule, of processor time")
    p.add_argument("--until", type=float, default=math.inf, help="stop this call after so many minutes")
    p.add_argument("--walls", help=".npy of mazes whose walls are used beside random ones, with other ends")
    p.add_argument("--held", nargs=2, metavar=("INPUTS", "LABELS"), help=".npy files to measure on at the end")
    p.add_argument("--limit", type=int, default=64, help="mazes of them")
    a = p.parse_args()
    torch.set_num_threads(1)
    walls = None if a.walls is None else numpy.load(a.walls).reshape(-1, 30, 30) == 1
    pathlib.Path(a.out).mkdir(parents=True, exist_ok=True)
    trainer = Trainer(a.out, a.minutes, walls)
    if (trainer.out / "state.pt").exists():
        trainer.restore()
    with open(trainer.out / "log.jsonl", "a", buffering=1) as file:

        def log(**line):
            file.write(json.dumps(line) + "\n")
            print(" ".join(f"{k} {v}" for k, v in line.items()), flush=True)

        trainer.run(log, a.until)
        if a.held:
            exact = evaluate(trainer.averaged(), *(numpy.load(f)[: a.limit] for f in a.held))
            log(step=trainer.step, seconds=round(trainer.seconds, 1), exact={n + 1: round(v, 4) for n, v in enumerate(exact) if n + 1 in (4, 8, 12, 16)})


if __name__ == "__main__":
    main()
