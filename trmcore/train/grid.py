"""A TRM that is made for one kind of puzzle: its token mixer is the square that a maze lies in.

Recursion, halting head and deep supervision are TRM's; the network is not the paper's. A state is [S, S, B, D]: one vector
for each cell of a square of side S, all with the same weights. A block sends each cell the states of its four neighbours
(below, left, right, above; walls and the outside send zeros) through one SwiGLU, and adds what comes out; then each cell
has a SwiGLU of its own. So the weights do not depend on S, and news travel one cell a block: a shortest path of 150 cells
takes a wave from the goal to the start and one back, 300 blocks, 13 supervision steps of H3 L3 with two layers.

It is not symmetric under turns: of several shortest paths the data set names the one that goes down, left, right, up in
this order of preference, and only a network that knows directions can draw it.
"""
import torch
from torch import nn
from torch.nn import functional as F

from model import Embedding, Level, Linear, SwiGLU, rms, truncated_normal

PAD, WALL, FREE, START, GOAL, PATH = range(6)
SURE = 1e3  # logit of a cell that is no question
SMALL = 0.3  # of the first down projections, so that a state changes little by little


class Neighbours(SwiGLU):
    """The SwiGLU over four states side by side: 4 D in, D out."""

    def __init__(self, width, inter):
        super().__init__(4 * width, inter)
        self.down_proj = Linear(inter, width)


class Block(nn.Module):
    """x = rms(x + messages of the neighbours); x = rms(x + SwiGLU(x))."""

    def __init__(self, arch):
        super().__init__()
        self.eps = arch.rms_norm_eps
        self.grid = Neighbours(arch.hidden_size, arch.inter_units)
        self.mlp = SwiGLU(arch.hidden_size, arch.inter_size)
        with torch.no_grad():
            for part in (self.grid, self.mlp):
                part.down_proj.weight.mul_(SMALL)

    def forward(self, x, open):
        p = F.pad(x * open, (0, 0, 0, 0, 1, 1, 1, 1))
        messages = torch.cat((p[2:, 1:-1], p[1:-1, :-2], p[1:-1, 2:], p[:-2, 1:-1]), -1)
        x = rms(x + self.grid(messages), self.eps)
        return rms(x + self.mlp(x), self.eps)


class GridTRM(nn.Module):
    """Parameters by the official names, with grid beside mlp, and next_head, which only training uses."""

    def __init__(self, arch):
        super().__init__()
        self.arch, d = arch, arch.hidden_size
        self.embed_tokens = Embedding(arch.vocab_size, d)
        self.lm_head = Linear(d, 1)  # logit that a free cell is on the path
        self.q_head = Linear(d, 2, bias=True)
        self.next_head = Linear(d, 5)  # which neighbour is nearer to the goal: see maze.py
        with torch.no_grad():
            self.embed_tokens.embedding_weight.mul_(d**0.5)
            self.q_head.weight.zero_()
            self.q_head.bias.fill_(-3)
        self.L_level = Level(arch, Block)
        self.register_buffer("H_init", truncated_normal(d))
        self.register_buffer("L_init", truncated_normal(d))

    def begin(self, batch, side):
        """The states at step 0: [side, side, B, D] each."""
        shape = (side, side, batch, self.arch.hidden_size)
        return self.H_init.expand(shape), self.L_init.expand(shape)

    def cycle(self, z_H, z_L, x, open):
        for _ in range(self.arch.L_cycles):
            z_L = self.L_level(z_L, z_H + x, open)
        return self.L_level(z_H, z_L, open), z_L

    def forward(self, z_H, z_L, tokens, cycles=None):
        """One supervision step, or so many of its H-cycles; only the last has a gradient. tokens [S, S, B]. Returns the path's
        logits [S, S, B], q [B, 2] and the next states."""
        x = F.embedding(tokens, self.embed_tokens.embedding_weight)
        open = (tokens >= FREE).to(x.dtype)[..., None]
        with torch.no_grad():
            for _ in range((cycles or self.arch.H_cycles) - 1):
                z_H, z_L = self.cycle(z_H, z_L, x, open)
        z_H, z_L = self.cycle(z_H, z_L, x, open)
        return self.lm_head(z_H)[..., 0].float(), self.q_head(z_H.amax((0, 1))).float(), z_H, z_L
