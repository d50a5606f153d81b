"""A TRM that is made for one kind of puzzle: its token mixer is the exact cover of the Sudoku.

Recursion, halting head and deep supervision are TRM's (model.py, trainer.py); the network is not the paper's. A state is
[729, B, D]: one slot for each cell and digit, row by row, all with the same weights. A Sudoku is solved when each of 324
constraints has exactly one slot: each digit in each row, column and box, and one digit in each cell. A block takes the
mean of the slots of every constraint, sends it through a SwiGLU, and adds the result to those slots; then each slot has a
SwiGLU of its own. Rows and columns share one SwiGLU; boxes and cells have one each.

So the network commutes with every symmetry of the rules, by construction: no puzzle needs to be shown in disguise. Slots
differ only by the givens and by the noise in the first z_L, without which the answer to an empty grid could not be drawn.
What the paper's variants must learn from data, which cells exclude each other, is built in: compare with care.

This file is the reference; kernel.py runs the same passes in C++ where the processor allows, and is checked against it.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

from model import Embedding, Linear, Level, SwiGLU, rms, truncated_normal

DIGITS, CELLS, SLOTS = 9, 81, 729
FIRST = 2  # token of the digit 1; before it padding and blank
GAIN = 1.5  # of a constraint's mean: with it the sum of nine slots is divided by six
SURE = 1e3  # logit of a given
SMALL = 0.1  # of the first down projections: four messages meet in a slot, and unscaled ones drown it


class Block(nn.Module):
    """x = rms(x + messages of the constraints); x = rms(x + SwiGLU(x))."""

    def __init__(self, arch):
        super().__init__()
        self.eps = arch.rms_norm_eps
        self.line, self.box, self.cell = (SwiGLU(arch.hidden_size, arch.inter_units) for _ in range(3))
        self.mlp = SwiGLU(arch.hidden_size, arch.inter_size)
        with torch.no_grad():
            for part in (self.line, self.box, self.cell, self.mlp):
                part.down_proj.weight.mul_(SMALL)

    def forward(self, x, rotary=None):
        rest = x.shape[1:]
        grid = x.view(DIGITS, DIGITS, DIGITS, *rest)  # row, column, digit
        boxes = x.view(3, 3, 3, 3, DIGITS, *rest)  # band, row in it, stack, column in it, digit
        rows, columns = self.line(GAIN * torch.stack((grid.mean(1), grid.mean(0)))).unbind(0)
        cells = self.cell(GAIN * grid.mean(2))
        box = self.box(GAIN * boxes.mean((1, 3)))
        mixed = grid + rows[:, None] + columns[None] + cells[:, :, None]
        mixed = mixed.view(boxes.shape) + box[:, None, :, None]
        x = rms(mixed.view(x.shape), self.eps)
        return rms(x + self.mlp(x), self.eps)


class CoverTRM(nn.Module):
    """The same calls as model.TRM; parameters by the same names, with line, box and cell beside mlp."""

    def __init__(self, arch, dtype=torch.float32):
        super().__init__()
        self.arch, self.dtype, self.kernel = arch, dtype, None  # kernel.attach gives it one
        d = arch.hidden_size
        self.embed_tokens = Embedding(3, d)  # a slot of a blank cell; its digit is given; another digit is given
        self.lm_head = Linear(d, 1)
        self.q_head = Linear(d, 2, bias=True)
        with torch.no_grad():
            self.embed_tokens.embedding_weight.mul_(math.sqrt(d))
            self.q_head.weight.zero_()
            self.q_head.bias.fill_(-3)
        self.L_level = Level(arch, Block)
        self.register_buffer("H_init", truncated_normal(d))
        self.register_buffer("L_init", truncated_normal(d))

    def begin(self, batch, length=None, generator=None):
        """The states at step 0: [729, B, D] each."""
        shape = (SLOTS, batch, self.arch.hidden_size)
        noise = torch.randn(shape, generator=generator, device=self.L_init.device)
        return self.H_init.to(self.dtype).expand(shape), (self.L_init + self.arch.init_noise * noise).to(self.dtype)

    @staticmethod
    def codes(tokens):
        """tokens [B, 81] -> which of the three embeddings each slot has, [729, B]."""
        given = tokens.t()[:, None] - FIRST
        digit = torch.arange(DIGITS, device=tokens.device)[None, :, None]
        return torch.where(given < 0, 0, torch.where(given == digit, 1, 2)).flatten(0, 1)

    def cycle(self, z_H, z_L, x):
        for _ in range(self.arch.L_cycles):
            z_L = self.L_level(z_L, z_H + x)
        return self.L_level(z_H, z_L), z_L

    def passes(self, z_H, z_L, codes):
        """All cycles of a supervision step. Only the last H-cycle has a gradient."""
        if self.kernel:
            parts = zip(*(t.split(32, 1) for t in (z_H, z_L, codes)))
            z_H, z_L = zip(*(self.kernel.passes(*part, self.embed_tokens.embedding_weight) for part in parts))
            return torch.cat(z_H, 1), torch.cat(z_L, 1)
        x = F.embedding(codes, self.embed_tokens.embedding_weight).to(self.dtype)
        with torch.no_grad():
            for _ in range(self.arch.H_cycles - 1):
                z_H, z_L = self.cycle(z_H, z_L, x)
        return self.cycle(z_H, z_L, x)

    def heads(self, z_H, tokens):
        """Logits [81, B, 11] and q [B, 2]. A given is its own answer: only blanks are learned."""
        logits = self.lm_head(z_H).float().view(CELLS, DIGITS, -1).transpose(1, 2)
        given = tokens.t()[..., None] - FIRST == torch.arange(DIGITS, device=tokens.device)
        return F.pad(logits + SURE * given, (FIRST, 0), value=-SURE), self.q_head(z_H.mean(0)).float()

    def forward(self, z_H, z_L, tokens, puzzle=None, rotary=None):
        """One supervision step: logits [81, B, 11], q [B, 2], and the next states."""
        z_H, z_L = self.passes(z_H, z_L, self.codes(tokens))
        logits, q = self.heads(z_H, tokens)
        return logits, q, z_H.detach(), z_L.detach()
