"""The Tiny Recursive Model, as it is trained: the published architecture (arXiv 2510.04871), any size.

Everything here is laid out tokens first: a state is [L, B, D] (positions, batch, width). Both products of the mixer,
over positions and over channels, are then one plain matrix product each, without a transpose. Names of parameters are
the official state dict's; export.py writes them as they are.
"""
import dataclasses
import math

import torch
from torch import nn
from torch.nn import functional as F


@dataclasses.dataclass
class Arch:
    """Sizes, by the names of the official configuration and of a model card."""

    vocab_size: int = 11
    seq_len: int = 81
    puzzle_emb_len: int = 0  # positions before the tokens that hold the puzzle embedding
    puzzle_emb_ndim: int = 0  # size of a puzzle's vector; padded with zeros to puzzle_emb_len * hidden_size
    hidden_size: int = 512
    num_heads: int = 8
    L_layers: int = 2
    H_cycles: int = 3
    L_cycles: int = 6
    mlp_t: bool = True  # mix tokens by an MLP over positions instead of attention
    pos_encodings: str = "none"  # rope, learned or none
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-5
    expansion: float = 4.0
    inter_size: int = 0  # width of the SwiGLU over channels; 0 is the official rule
    inter_tokens: int = 0  # width of the SwiGLU over positions; 0 is the official rule
    cover: bool = False  # the Sudoku's own mixer, which is not the paper's: see cover.py
    grid: bool = False  # the maze's own mixer, which is not the paper's: see grid.py
    inter_units: int = 0  # cover, grid: width of the SwiGLU over a constraint, or over the neighbours
    init_noise: float = 0.0  # cover: deviation of the noise in the first z_L

    def __post_init__(self):
        self.inter_size = self.inter_size or official_width(self.hidden_size, self.expansion)
        if self.mlp_t:
            self.inter_tokens = self.inter_tokens or official_width(self.length, self.expansion)

    @property
    def length(self):
        return self.puzzle_emb_len + self.seq_len * (9 if self.cover else 1)

    def flops(self, length=None):
        """Multiplications and additions of the matrix products of one pass of the network over one example."""
        length, d = length or self.length, self.hidden_size
        block = 2 * length * d * 3 * self.inter_size
        if self.cover:
            block += 2 * 4 * self.seq_len * d * 3 * self.inter_units
        elif self.mlp_t:
            block += 2 * d * length * 3 * self.inter_tokens
        else:
            block += 8 * length * d * d + 4 * length * length * d
        return self.L_layers * block

    def train_flops(self, length=None):
        """The same of one supervision step in training: all passes forward, the last cycle backward (twice a forward)."""
        passes = self.H_cycles * (self.L_cycles + 1) + 2 * (self.L_cycles + 1)
        return passes * self.flops(length)


def official_width(size, expansion):
    """Width of a SwiGLU: two thirds of size * expansion, rounded up to 256."""
    return -(-round(size * expansion * 2 / 3) // 256) * 256


def rms(x, eps, dim=-1):
    """Root-mean-square norm without a scale, in fp32 inside."""
    f = x.float()
    return (f * torch.rsqrt(f.square().mean(dim, keepdim=True) + eps)).to(x.dtype)


class Linear(nn.Module):
    """x W^T with W kept in fp32 and used in x's precision."""

    def __init__(self, inputs, outputs, bias=False):
        super().__init__()
        self.weight = nn.Parameter(truncated_normal(outputs, inputs) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x):
        return F.linear(x, self.weight.to(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


class Embedding(nn.Module):
    def __init__(self, rows, width):
        super().__init__()
        self.embedding_weight = nn.Parameter(truncated_normal(rows, width) / math.sqrt(width))


class SwiGLU(nn.Module):
    """down(silu(gate x) * up x). over="positions" applies it to the first axis of [L, B, D] instead of the last."""

    def __init__(self, width, inter, over="channels"):
        super().__init__()
        self.over = over
        self.gate_up_proj = Linear(width, 2 * inter)
        self.down_proj = Linear(inter, width)

    def forward(self, x):
        if self.over == "channels":
            gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
            return self.down_proj(F.silu(gate) * up)
        shape = x.shape
        x = x.reshape(shape[0], -1)  # [L, B*D]: one product for the whole batch
        gate, up = (self.gate_up_proj.weight.to(x.dtype) @ x).chunk(2, dim=0)
        return (self.down_proj.weight.to(x.dtype) @ (F.silu(gate) * up)).view(shape)


class Attention(nn.Module):
    """Full self-attention without bias or mask; rotary positions are given as (cos, sin), each [L, 1, 1, size]."""

    def __init__(self, arch):
        super().__init__()
        self.heads = arch.num_heads
        self.qkv_proj = Linear(arch.hidden_size, 3 * arch.hidden_size)
        self.o_proj = Linear(arch.hidden_size, arch.hidden_size)

    def forward(self, x, rotary):
        length, batch, d = x.shape
        q, k, v = self.qkv_proj(x).view(length, batch, 3, self.heads, d // self.heads).unbind(2)
        if rotary is not None:
            q, k = turn(q, *rotary), turn(k, *rotary)
        q, k, v = (t.permute(1, 2, 0, 3) for t in (q, k, v))  # [B, heads, L, size]
        out = F.scaled_dot_product_attention(q, k, v)
        return self.o_proj(out.permute(2, 0, 1, 3).reshape(length, batch, d))


def turn(x, cos, sin):
    """Rotate pairs (i, i + size/2), in fp32."""
    f = x.float()
    first, second = f.chunk(2, dim=-1)
    return (f * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


class Block(nn.Module):
    """Post-norm: x = rms(x + mix(x)); x = rms(x + SwiGLU(x)). The mixer's norm runs over the positions, as published."""

    def __init__(self, arch):
        super().__init__()
        self.eps = arch.rms_norm_eps
        self.mlp_t = SwiGLU(arch.length, arch.inter_tokens, over="positions") if arch.mlp_t else None
        self.self_attn = None if arch.mlp_t else Attention(arch)
        self.mlp = SwiGLU(arch.hidden_size, arch.inter_size)

    def forward(self, x, rotary):
        if self.mlp_t is not None:
            x = rms(x + self.mlp_t(x), self.eps, dim=0)
        else:
            x = rms(x + self.self_attn(x, rotary), self.eps)
        return rms(x + self.mlp(x), self.eps)


class Level(nn.Module):
    """The one network: z_L = f(z_L, z_H + x), z_H = f(z_H, z_L)."""

    def __init__(self, arch, block=Block):
        super().__init__()
        self.layers = nn.ModuleList(block(arch) for _ in range(arch.L_layers))

    def forward(self, state, injection, rotary=None):
        x = state + injection
        for layer in self.layers:
            x = layer(x, rotary)
        return x


class TRM(nn.Module):
    def __init__(self, arch, dtype=torch.float32):
        super().__init__()
        self.arch, self.dtype = arch, dtype  # dtype: of activations; weights stay fp32
        d = arch.hidden_size
        self.embed_tokens = Embedding(arch.vocab_size, d)
        self.lm_head = Linear(d, arch.vocab_size)
        self.q_head = Linear(d, 2, bias=True)
        with torch.no_grad():  # "not right, do not halt" to begin with
            self.q_head.weight.zero_()
            self.q_head.bias.fill_(-5)
        self.L_level = Level(arch)
        if arch.pos_encodings == "learned":
            self.embed_pos = Embedding(arch.length, d)
        self.register_buffer("H_init", truncated_normal(d))  # drawn once, never trained
        self.register_buffer("L_init", truncated_normal(d))

    def embed(self, tokens, puzzle=None):
        """tokens [B, S], puzzle [B, ndim] or None; returns [L, B, D]."""
        arch, d = self.arch, self.arch.hidden_size
        x = F.embedding(tokens.t(), self.embed_tokens.embedding_weight)
        if arch.puzzle_emb_len:
            if puzzle is None:
                puzzle = x.new_zeros(tokens.shape[0], arch.puzzle_emb_ndim)
            padded = F.pad(puzzle, (0, arch.puzzle_emb_len * d - puzzle.shape[-1]))
            x = torch.cat((padded.view(-1, arch.puzzle_emb_len, d).transpose(0, 1), x))
        if arch.pos_encodings == "learned":
            x = math.sqrt(0.5) * (x + self.embed_pos.embedding_weight[:, None])
        return (math.sqrt(d) * x).to(self.dtype)

    def begin(self, batch, length=None):
        """The states at step 0: [L, B, D] each."""
        shape = (length or self.arch.length, batch, self.arch.hidden_size)
        return self.H_init.to(self.dtype).expand(shape), self.L_init.to(self.dtype).expand(shape)

    def cycle(self, z_H, z_L, x, rotary=None):
        for _ in range(self.arch.L_cycles):
            z_L = self.L_level(z_L, z_H + x, rotary)
        return self.L_level(z_H, z_L, rotary), z_L

    def forward(self, z_H, z_L, tokens, puzzle=None, rotary=None):
        """One supervision step: logits [S, B, V], q [B, 2], and the next states. Only the last H-cycle has a gradient."""
        if rotary is None and self.arch.pos_encodings == "rope" and not self.arch.mlp_t:
            rotary = rotary_table(self.arch, torch.arange(self.arch.length, device=tokens.device))
        x = self.embed(tokens, puzzle)
        with torch.no_grad():
            for _ in range(self.arch.H_cycles - 1):
                z_H, z_L = self.cycle(z_H, z_L, x, rotary)
        z_H, z_L = self.cycle(z_H, z_L, x, rotary)
        return self.lm_head(z_H[self.arch.puzzle_emb_len :]).float(), self.q_head(z_H[0]).float(), z_H.detach(), z_L.detach()


def truncated_normal(*shape):
    """Normal with deviation 1, cut at 2 and rescaled to deviation 1."""
    x = torch.empty(*shape)
    nn.init.trunc_normal_(x, std=1.0, a=-2.0, b=2.0)
    return x / 0.8796256610342398


def rotary_table(arch, positions):
    """(cos, sin) of the rotary angles at positions [L]: [L, 1, 1, size] each, fp32."""
    size = arch.hidden_size // arch.num_heads
    frequency = arch.rope_theta ** (-torch.arange(0, size, 2, device=positions.device, dtype=torch.float32) / size)
    angle = torch.outer(positions.float(), frequency).repeat(1, 2)[:, None, None]
    return angle.cos(), angle.sin()
