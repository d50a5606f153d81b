"""One run: model, optimisers, averaged weights, rows; a step of training, and the state that resumes it."""
import dataclasses
import json
import math

import torch

import checkpoint
import kernel
from loss import step_loss
from cover import CoverTRM
from model import TRM, Arch, rotary_table, truncated_normal
from optim import EMA, AdamATan2, Muon, SignSGD
from rows import Rows, best_chain
from symmetry import Tie


def build(arch, dtype=torch.float32):
    """The model of an architecture."""
    return (CoverTRM if arch.cover else TRM)(arch, dtype)


class Trainer:
    def __init__(self, recipe, data, device="cpu", compiled=False):
        self.recipe, self.data, self.device = recipe, data, torch.device(device)
        torch.manual_seed(recipe.seed)
        self.model = build(recipe.arch, getattr(torch, recipe.dtype))
        self.tie = Tie(self.model) if recipe.tied else None
        if self.tie:
            self.tie.start(self.model)  # drawn on the CPU: a seed means the same weights everywhere
            self.tie.to(self.device)
        latents = torch.stack([self.model.L_init] + [truncated_normal(recipe.arch.hidden_size) for _ in range(recipe.chains - 1)])
        self.model.to(self.device)
        self.without = "it is for the cover network" if not recipe.arch.cover else "it is for the CPU" if self.device.type != "cpu" else kernel.attach(self.model)
        compiled = compiled and not (recipe.arch.cover and self.without is None)
        self.latents = latents.to(self.device)  # [K, D]; the first is the model's own
        self.table = None  # puzzle embeddings: no parameters, begin at zero, not averaged
        if recipe.arch.puzzle_emb_len:
            self.table = torch.zeros(data.identifiers, recipe.arch.puzzle_emb_ndim, device=self.device)

        named = dict(self.model.named_parameters())
        blocks = [n for n, p in named.items() if p.dim() == 2 and n.startswith("L_level")] if recipe.muon_lr else []
        self.optimisers = [AdamATan2([p for n, p in named.items() if n not in blocks], recipe.adam_lr, recipe.adam_decay)]
        if blocks:
            self.optimisers.append(Muon([named[n] for n in blocks], recipe.muon_lr, recipe.muon_momentum, recipe.muon_decay, recipe.muon_iterations))
        self.rows_of_table = SignSGD(self.table, recipe.emb_lr, recipe.emb_decay) if self.table is not None else None
        self.ema = EMA(named.values(), recipe.ema)

        self.generator = torch.Generator(self.device).manual_seed(recipe.seed + 1)
        self.step, self.seconds = 0, 0.0  # optimiser steps; time spent in training, for a schedule by the clock
        self.scale = torch.zeros((), device=self.device)
        self.number = torch.zeros((), device=self.device)
        self.rotary = [self.rotary_of(b) for b in data.buckets]
        self.begin_rows()
        if compiled:
            torch._dynamo.config.recompile_limit = 4 + len(data.buckets)
        self.forward = torch.compile(self.loss, dynamic=False) if compiled else self.loss

    def rotary_of(self, bucket):
        arch = self.recipe.arch
        if arch.mlp_t or arch.pos_encodings != "rope":
            return None
        prefix = torch.arange(arch.puzzle_emb_len)
        return tuple(t.to(self.device) for t in rotary_table(arch, torch.cat((prefix, arch.puzzle_emb_len + bucket.positions))))

    def begin_rows(self):
        """All rows halted, in every bucket: at the start, and wherever the state is saved or restored."""
        prefix, self.rows = self.recipe.arch.puzzle_emb_len, []
        for b in self.data.buckets:
            z_H, _ = self.model.begin(1, prefix + len(b.positions))
            self.rows.append(Rows(b.batch, z_H, self.latents.to(self.model.dtype), len(b.positions), self.recipe.arch.init_noise))

    def loss(self, z_H, z_L, tokens, labels, puzzle, rotary):
        """Mean loss, and for each row: exact, share of cells, halting logit; and the states after the step."""
        r, k = self.recipe, self.recipe.chains
        if k > 1:
            tokens, labels = tokens.repeat_interleave(k, 0), labels.repeat_interleave(k, 0)
            puzzle = puzzle if puzzle is None else puzzle.repeat_interleave(k, 0)
        logits, q, z_H, z_L = self.model(z_H, z_L, tokens, puzzle, rotary)
        each, exact, cells = step_loss(logits, q, labels, r.loss, r.smoothing, r.q_weight)
        halt = q[:, 0].detach()
        if k > 1:
            each, best, (exact, cells, halt) = best_chain(each, (exact, cells, halt), k)
            z_H = z_H[:, best].repeat_interleave(k, 1)
        return each.mean(), exact, cells, halt, z_H, z_L

    def progress(self):
        """How much of the schedule is over, 0..1."""
        r = self.recipe
        return self.step / r.steps if r.steps else self.seconds / (60 * r.minutes)

    def advance(self):
        """One optimiser step. Returns loss, cells, exact, halted and the gradient's norm as one tensor: nothing waits."""
        r, which = self.recipe, self.data.next()
        rows = self.rows[which]
        rows.refill(*self.data.draw(which, len(rows)), r, self.generator)
        puzzle = self.table[rows.ids].requires_grad_() if self.table is not None else None
        loss, exact, cells, halt, z_H, z_L = self.gradients(rows, puzzle, self.rotary[which])
        if self.tie:
            self.tie.average(self.model)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), r.clip or math.inf)
        warm = min(1.0, (self.step + 1) / max(1, r.warmup))
        self.scale.fill_(warm * (0.5 + 0.5 * math.cos(math.pi * min(1, self.progress())) if r.schedule == "cosine" else 1.0))
        self.number.fill_(self.step + 1)
        for o in self.optimisers:
            o.step(self.scale, self.number)
        if puzzle is not None:
            self.rows_of_table.step(rows.ids, puzzle.grad, self.scale)
        for p in self.model.parameters():
            p.grad = None
        age = max(0, self.step - r.ema_from)
        self.ema.decay = min(r.ema, (1 + age) / (10 + age)) if self.step >= r.ema_from else 0.0
        self.ema.step()
        rows.advance(z_H, z_L, exact if r.halt == "exact" else halt > 0, r, self.generator)
        self.step += 1
        return torch.stack((loss.detach(), cells.mean(), exact.float().mean(), rows.halted.float().mean(), norm))

    def gradients(self, rows, puzzle, rotary):
        """Adds the gradients of all rows, `micro` of them at a time, and returns what loss returns."""
        n, k = len(rows), rows.chains
        size = self.recipe.micro or n
        parts = []
        for first in range(0, n, size):
            some, chains = slice(first, first + size), slice(first * k, (first + size) * k)
            part = self.forward(rows.z_H[:, chains], rows.z_L[:, chains], rows.tokens[some], rows.labels[some],
                                None if puzzle is None else puzzle[some], rotary)
            share = len(rows.tokens[some]) / n
            (part[0] * share).backward()
            parts.append((part[0].detach() * share, *part[1:]))
        if len(parts) == 1:
            return parts[0]
        loss, exact, cells, halt, z_H, z_L = zip(*parts)
        return sum(loss), torch.cat(exact), torch.cat(cells), torch.cat(halt), torch.cat(z_H, 1), torch.cat(z_L, 1)

    def flops(self):
        """Of the matrix products of a step, on average over the buckets."""
        arch, k = self.recipe.arch, self.recipe.chains
        each = [arch.train_flops(arch.puzzle_emb_len + len(b.positions)) * b.batch * k for b in self.data.buckets]
        return sum(f * share for f, share in zip(each, self.data.shares))

    def averaged(self):
        """With the averaged weights in the model: `with trainer.averaged(): ...`."""
        return Averaged(self.ema)

    def save(self, folder):
        """Writes the state and goes on from what it wrote, so that a run that was stopped here ends with the same bits.

        Weights in fp32, moments in bf16, the average's distance to the weights and embeddings in int8: 46 MiB for the
        paper's Sudoku model, 61 for ARC's with 30,684 embeddings. The rows' states are not kept (152 MB in the paper's
        batch): rows begin anew, at most 16 steps of a row are lost. Returns bytes.
        """
        table = quantised(self.table, self.generator) if self.table is not None else None
        state = {
            "recipe": json.dumps(dataclasses.asdict(self.recipe)), "step": self.step, "seconds": self.seconds,
            "model": {n: t.cpu() for n, t in self.model.state_dict().items()}, "latents": self.latents.cpu(),
            "ema": [packed(s - p.detach()) for p, s in zip(self.ema.params, self.ema.shadow)],
            "optimisers": [{n: [t.bfloat16().cpu() for t in ts] for n, ts in o.state().items()} for o in self.optimisers],
            "table": table, "rng": [self.generator.get_state(), *self.data.state()],
        }
        size = checkpoint.save(folder, state)
        self.restore(state)
        return size

    @torch.no_grad()
    def restore(self, state):
        self.check(json.loads(state["recipe"]))
        self.step, self.seconds = state["step"], state["seconds"]
        self.model.load_state_dict(state["model"])
        self.latents.copy_(state["latents"])
        for s, p, difference in zip(self.ema.shadow, self.ema.params, state["ema"], strict=True):
            s.copy_(p + unpacked(difference).to(self.device))
        for o, kept in zip(self.optimisers, state["optimisers"], strict=True):
            for name, tensors in o.state().items():
                for t, k in zip(tensors, kept[name], strict=True):
                    t.copy_(k)
        if self.table is not None:
            self.table.copy_(restored(*state["table"]))
        self.generator.set_state(state["rng"][0])
        self.data.restore(state["rng"][1:])
        self.begin_rows()

    def check(self, kept):
        """A state goes on only with weights of the same shapes. How often they are applied may change, as may the rest
        of the recipe: a run can begin shallow."""
        now = json.loads(json.dumps(dataclasses.asdict(self.recipe)))
        for name in ("chains", "tied", *(f"arch.{f}" for f in now["arch"] if f not in ("H_cycles", "L_cycles"))):
            a, b = (r["arch"][name[5:]] if name.startswith("arch.") else r[name] for r in (kept, now))
            if a != b:
                raise SystemExit(f"the state was made with {name} = {a}, not {b}: take the same recipe, or another --out")


class Averaged:
    """Swaps the averaged weights in, and the trained ones back."""

    def __init__(self, ema):
        self.ema = ema

    @torch.no_grad()
    def swap(self):
        for p, s in zip(self.ema.params, self.ema.shadow):
            kept = p.detach().clone()
            p.copy_(s)
            s.copy_(kept)

    def __enter__(self):
        self.swap()

    def __exit__(self, *_):
        self.swap()


def quantised(table, generator=None):
    """Rows as int8 and a scale each: (values [N, ndim] int8, scale [N, 1] fp32). With a generator rounding is stochastic,
    so that steps smaller than a unit are not lost on average."""
    scale = (table.abs().amax(1, keepdim=True) / 127).clamp(min=1e-12)
    x = table / scale
    x = x.round() if generator is None else (x + torch.rand(x.shape, generator=generator, device=x.device)).floor()
    return x.clamp(-127, 127).to(torch.int8).cpu(), scale.cpu()


def restored(values, scale):
    return values.float() * scale


def packed(difference):
    """A small correction: int8 rows of a matrix, anything else as it is."""
    return quantised(difference) if difference.dim() == 2 else difference.cpu()


def unpacked(kept):
    return restored(*kept) if isinstance(kept, (tuple, list)) else kept


@torch.no_grad()
def averaged_model(state, dtype=torch.float32):
    """The model of a saved state with its averaged weights, and its puzzle embeddings or None."""
    model = build(Arch(**json.loads(state["recipe"])["arch"]), dtype)
    model.load_state_dict(state["model"])
    for p, difference in zip(model.parameters(), state["ema"], strict=True):
        p.add_(unpacked(difference))
    return model, None if state["table"] is None else restored(*state["table"])
