"""The Tiny Recursive Model in plain PyTorch, written from its description alone (facts of the paper, arXiv 2510.04871).

It shares no code with the ONNX graph nor with the training: it is what both are compared with. Every name follows the
official state dict. Nothing is fused and nothing is fast on purpose; `compiled` below is for the comparison of speed.
"""
import json
import math
import pathlib

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F


def rms(x, eps, dim=-1):
    return x * torch.rsqrt(x.square().mean(dim, keepdim=True) + eps)


class SwiGLU(nn.Module):
    def __init__(self, width, inter):
        super().__init__()
        self.gate_up_proj = nn.Linear(width, 2 * inter, bias=False)
        self.down_proj = nn.Linear(inter, width, bias=False)

    def forward(self, x):
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)


class Attention(nn.Module):
    def __init__(self, arch):
        super().__init__()
        d, self.heads = arch["hidden_size"], arch["num_heads"]
        self.size = d // self.heads
        self.qkv_proj = nn.Linear(d, 3 * d, bias=False)
        self.o_proj = nn.Linear(d, d, bias=False)
        self.rope = arch["pos_encodings"] == "rope"
        length = arch["puzzle_emb_len"] + arch["seq_len"]
        frequency = 1.0 / arch["rope_theta"] ** (torch.arange(0, self.size, 2, dtype=torch.float32) / self.size)
        angle = torch.outer(torch.arange(length, dtype=torch.float32), frequency).repeat(1, 2)  # [length, size]
        self.cos, self.sin = angle.cos(), angle.sin()

    def turn(self, x):  # [batch, heads, length, size]
        first, second = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat((-second, first), dim=-1) * self.sin

    def forward(self, x):
        batch, length, d = x.shape
        q, k, v = (t.view(batch, length, self.heads, self.size).transpose(1, 2) for t in self.qkv_proj(x).chunk(3, dim=-1))
        if self.rope:
            q, k = self.turn(q), self.turn(k)
        out = F.scaled_dot_product_attention(q, k, v)
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, d))


class CoverBlock(nn.Module):
    """The Sudoku's own mixer: the slots (cell, digit) of a constraint are summed, and what it makes of them added to each."""

    def __init__(self, arch):
        super().__init__()
        self.eps, d, units = arch["rms_norm_eps"], arch["hidden_size"], arch["inter_units"]
        self.line, self.box, self.cell, self.mlp = SwiGLU(d, units), SwiGLU(d, units), SwiGLU(d, units), SwiGLU(d, arch["inter_size"])
        side = round(arch["seq_len"] ** 0.5)
        n = round(side**0.5)
        row, column, digit = (t.flatten() for t in torch.meshgrid(*[torch.arange(side)] * 3, indexing="ij"))
        box = row // n * n + column // n
        kinds = {"line": [row * side + digit, column * side + digit], "box": [box * side + digit], "cell": [row * side + column]}
        self.members = [(kind, F.one_hot(of, side * side).float().t()) for kind, all_of in kinds.items() for of in all_of]  # [constraints, slots]

    def forward(self, x):
        mixed = x
        for kind, members in self.members:
            mean = members @ x / members.sum(-1, keepdim=True)
            mixed = mixed + members.t() @ getattr(self, kind)(1.5 * mean)
        x = rms(mixed, self.eps)
        return rms(x + self.mlp(x), self.eps)


class GridBlock(nn.Module):
    """The maze's own mixer: each cell hears its four neighbours, walls excepted, through one SwiGLU."""

    def __init__(self, arch):
        super().__init__()
        self.eps, d, self.side = arch["rms_norm_eps"], arch["hidden_size"], round(arch["seq_len"] ** 0.5)
        self.grid, self.mlp = SwiGLU(4 * d, arch["inter_units"]), SwiGLU(d, arch["inter_size"])
        self.grid.down_proj = nn.Linear(arch["inter_units"], d, bias=False)
        self.open = None  # [batch, cells, 1]

    def forward(self, x):
        sent, side = x * self.open, self.side
        messages = torch.zeros(*x.shape[:2], 4, x.shape[-1])
        for cell in range(side * side):
            row, column = divmod(cell, side)
            for k, (down, right) in enumerate(((1, 0), (0, -1), (0, 1), (-1, 0))):
                if 0 <= row + down < side and 0 <= column + right < side:
                    messages[:, cell, k] = sent[:, (row + down) * side + column + right]
        x = rms(x + self.grid(messages.flatten(2)), self.eps)
        return rms(x + self.mlp(x), self.eps)


class Block(nn.Module):
    def __init__(self, arch):
        super().__init__()
        self.eps, self.mlp_t_variant = arch["rms_norm_eps"], arch["mlp_t"]
        length = arch["puzzle_emb_len"] + arch["seq_len"]
        if self.mlp_t_variant:
            self.mlp_t = SwiGLU(length, arch["inter_tokens"])
        else:
            self.self_attn = Attention(arch)
        self.mlp = SwiGLU(arch["hidden_size"], arch["inter_size"])

    def forward(self, x):
        if self.mlp_t_variant:
            turned = x.transpose(1, 2)
            x = rms(turned + self.mlp_t(turned), self.eps).transpose(1, 2)  # this norm runs over the tokens
        else:
            x = rms(x + self.self_attn(x), self.eps)
        return rms(x + self.mlp(x), self.eps)


class Embedding(nn.Module):
    def __init__(self, rows, width):
        super().__init__()
        self.embedding_weight = nn.Parameter(torch.zeros(rows, width))


class Level(nn.Module):
    def __init__(self, arch):
        super().__init__()
        self.layers = nn.ModuleList((CoverBlock if arch.get("cover") else GridBlock if arch.get("grid") else Block)(arch) for _ in range(arch["L_layers"]))

    def forward(self, state, injection):
        x = state + injection
        for layer in self.layers:
            x = layer(x)
        return x


class TRM(nn.Module):
    def __init__(self, arch):
        super().__init__()
        self.arch = arch
        d = arch["hidden_size"]
        self.embed_tokens = Embedding(arch["vocab_size"], d)
        self.lm_head = nn.Linear(d, arch["vocab_size"], bias=False)
        self.q_head = nn.Linear(d, 2)
        self.L_level = Level(arch)
        self.register_buffer("H_init", torch.zeros(d))
        self.register_buffer("L_init", torch.zeros(d))
        if arch["pos_encodings"] == "learned":
            self.embed_pos = Embedding(arch["puzzle_emb_len"] + arch["seq_len"], d)

    def embed(self, tokens, puzzle):
        d = self.arch["hidden_size"]
        x = self.embed_tokens.embedding_weight[tokens]
        if self.arch["puzzle_emb_len"]:
            padded = F.pad(puzzle, (0, self.arch["puzzle_emb_len"] * d - puzzle.shape[-1]))
            x = torch.cat((padded.view(-1, self.arch["puzzle_emb_len"], d), x), dim=1)
        if self.arch["pos_encodings"] == "learned":
            x = math.sqrt(0.5) * (x + self.embed_pos.embedding_weight)
        return math.sqrt(d) * x

    def begin(self, batch):
        length = self.arch["puzzle_emb_len"] + self.arch["seq_len"]
        return self.H_init.expand(batch, length, -1).clone(), self.L_init.expand(batch, length, -1).clone()

    def forward(self, tokens, puzzle, z_H, z_L):
        """One supervision step: logits [B, S, V], q [B, 2] and the next states."""
        x = self.embed(tokens, puzzle)
        for _ in range(self.arch["H_cycles"]):
            for _ in range(self.arch["L_cycles"]):
                z_L = self.L_level(z_L, z_H + x)
            z_H = self.L_level(z_H, z_L)
        return self.lm_head(z_H)[:, self.arch["puzzle_emb_len"]:], self.q_head(z_H[:, 0]), z_H, z_L


class CoverTRM(TRM):
    """One position for each cell and digit. Its givens are answered as they are, and its q-head reads the mean."""

    def __init__(self, arch):
        super().__init__(dict(arch, vocab_size=3))
        self.arch = arch
        self.lm_head = nn.Linear(arch["hidden_size"], 1, bias=False)
        self.side = round(arch["seq_len"] ** 0.5)

    def embed(self, tokens, puzzle):
        digit = torch.arange(self.side)
        given = tokens[:, :, None] - 2
        code = torch.where(given < 0, 0, torch.where(given == digit, 1, 2))
        return self.embed_tokens.embedding_weight[code.flatten(1)]

    def begin(self, batch):
        length = self.arch["seq_len"] * self.side
        z_L = self.L_init + self.arch["init_noise"] * torch.randn(batch, length, self.arch["hidden_size"])
        return self.H_init.expand(batch, length, -1).clone(), z_L

    def forward(self, tokens, puzzle, z_H, z_L):
        _, _, z_H, z_L = super().forward(tokens, puzzle, z_H, z_L)
        logits = self.lm_head(z_H).view(len(z_H), -1, self.side)
        logits = logits + 1e3 * (tokens[:, :, None] - 2 == torch.arange(self.side))
        return F.pad(logits, (2, 0), value=-1e3), self.q_head(z_H.mean(1)), z_H, z_L


class GridTRM(TRM):
    """One position for each cell. Only a free cell is a question: is it on the path. The q-head reads the largest states."""

    def __init__(self, arch):
        super().__init__(arch)
        self.lm_head = nn.Linear(arch["hidden_size"], 1, bias=False)

    def embed(self, tokens, puzzle):
        return self.embed_tokens.embedding_weight[tokens]

    def forward(self, tokens, puzzle, z_H, z_L):
        for layer in self.L_level.layers:
            layer.open = (tokens > 1).float()[:, :, None]
        _, _, z_H, z_L = super().forward(tokens, puzzle, z_H, z_L)
        logits = 2e3 * F.one_hot(tokens, 6).float() - 1e3
        question = (tokens == 2) | (tokens == 5)
        logits[question] = torch.tensor([-1e3, -1e3, 0, -1e3, -1e3, 0])
        logits[..., 5] += self.lm_head(z_H)[..., 0]
        return logits, self.q_head(z_H.amax(1)), z_H, z_L


def make(arch):
    return CoverTRM(arch) if arch.get("cover") else GridTRM(arch) if arch.get("grid") else TRM(arch)


def load(folder):
    """Read a model's folder: model.safetensors and card.json. Returns the model and its puzzle table, or None."""
    folder = pathlib.Path(folder)
    arch = dict(json.loads((folder / "card.json").read_text())["arch"])
    weights = {name.split("inner.")[-1]: t.float() for name, t in load_file(folder / "model.safetensors").items()}
    table = weights.pop("puzzle_emb.weights", None)
    arch.setdefault("puzzle_emb_ndim", 0 if table is None else table.shape[1])
    arch["inter_size"] = weights["L_level.layers.0.mlp.down_proj.weight"].shape[1]
    if arch.get("mlp_t"):
        arch["inter_tokens"] = weights["L_level.layers.0.mlp_t.down_proj.weight"].shape[1]
    model = make(arch).eval()
    model.load_state_dict(weights)
    return model, table
