"""Sudoku's symmetries as tied weights: what a small budget needs instead of seeing every disguise of every puzzle.

The rules do not change when rows are exchanged within a band, bands with each other, the same for columns, the grid is
transposed, or digits are renamed. A network of the published architecture commutes with all of these if each of its
matrices does. Then a matrix has few free numbers: entries that a symmetry carries into each other form an orbit and are
equal. Weights start so, and gradients are averaged over the orbits; every optimiser here keeps equal entries equal. What
is exported are ordinary dense matrices.

Channels come in groups of nine, one for each digit; about a ninth of them belong to no digit. Hidden units of the token
mixer: inter // 27 for each row, column and box, and the rest for the whole grid.

Such a network gives a disguised puzzle the disguised answer, so that retries in disguises (`--tta`) cannot help it; with
noise on the latent (`--noise`) they can.

Measured on one core, hidden size 128, batch 32: after 100 steps 39 % of the batch was solved, untied 0 % (bench/LOG.md).
"""
import torch


def digit_of(size):
    """Digit of each channel, 0..8, or -1 for channels of no digit; and the feature that it is an instance of."""
    features = size * 8 // 9 // 9  # about a ninth of the channels belongs to no digit
    digit = torch.cat((torch.arange(9).repeat(features), torch.full((size - 9 * features,), -1)))
    feature = torch.cat((torch.arange(features).repeat_interleave(9), features + torch.arange(size - 9 * features)))
    return digit, feature


def token_digits(vocab):
    """The same for the tokens: padding, blank, and nine digits that are instances of one thing."""
    digit = torch.tensor([-1, -1] + list(range(9)))[:vocab]
    return digit, torch.tensor([0, 1] + [2] * 9)[:vocab]


def one(size):
    """Positions that no symmetry moves."""
    return torch.full((size,), -1), torch.arange(size)


def by_digit(rows, columns):
    """Orbits of a matrix whose rows and columns are (digit, feature): [rows, columns] of orbit numbers."""
    (dr, fr), (dc, fc) = rows, columns
    same = (dr[:, None] == dc[None, :]) & (dr[:, None] >= 0)
    key = (fr[:, None] * (int(fc.max()) + 1) + fc[None, :]) * 2 + same
    return key.unique(return_inverse=True)[1].view(key.shape)


def units(inter):
    """Kind (0 row, 1 column, 2 box, 3 grid), number and copy of each hidden unit of a token mixer."""
    copies = inter // 27
    kind = torch.tensor([0] * 9 + [1] * 9 + [2] * 9).repeat(copies)
    number = torch.arange(9).repeat(3 * copies)
    copy = torch.arange(copies).repeat_interleave(27)
    rest = inter - 27 * copies
    return (torch.cat((kind, torch.full((rest,), 3))), torch.cat((number, torch.zeros(rest, dtype=torch.long))),
            torch.cat((copy, torch.arange(rest))))


def by_unit(inter):
    """Orbits of [inter, 81]: a cell is in a unit, in its band (a box: its band or stack), or elsewhere."""
    kind, number, copy = (t[:, None] for t in units(inter))
    cell = torch.arange(81)[None]
    row, column = cell // 9, cell % 9
    box = row // 3 * 3 + column // 3
    line = torch.where(kind == 0, row, column)
    far_line = torch.where(line == number, 0, torch.where(line // 3 == number // 3, 1, 2))
    far_box = torch.where(box == number, 0, torch.where((box // 3 == number // 3) | (box % 3 == number % 3), 1, 2))
    far = torch.where(kind == 3, 0, torch.where(kind == 2, far_box, far_line))
    family = torch.tensor([0, 0, 1, 2])[kind]  # rows and columns are one family: transposing exchanges them
    key = (copy * 3 + family) * 3 + far
    return key.unique(return_inverse=True)[1].view(key.shape)


def gate_and_up(half):
    """Orbits of two matrices of one kind, one above the other."""
    return torch.cat((half, half + int(half.max()) + 1))


def orbits(name, shape):
    """Orbit numbers of the parameter of that name in the official state dict."""
    if name.endswith("mlp_t.gate_up_proj.weight"):
        return gate_and_up(by_unit(shape[0] // 2))
    if name.endswith("mlp_t.down_proj.weight"):
        return by_unit(shape[1]).t().contiguous()
    if name.endswith("mlp.gate_up_proj.weight"):
        return gate_and_up(by_digit(digit_of(shape[0] // 2), digit_of(shape[1])))
    if name.endswith("mlp.down_proj.weight"):
        return by_digit(digit_of(shape[0]), digit_of(shape[1]))
    if name in ("embed_tokens.embedding_weight", "lm_head.weight"):
        return by_digit(token_digits(shape[0]), digit_of(shape[1]))
    if name == "q_head.weight":
        return by_digit(one(shape[0]), digit_of(shape[1]))
    if name in ("H_init", "L_init"):
        return digit_of(shape[0])[1]
    if name == "q_head.bias":
        return torch.arange(2)
    raise ValueError(f"no symmetry is known for {name}: tied weights are for the mixer on Sudoku, without a prefix")


class Tie:
    """Ties a model's weights: start() draws them anew, average() is to be called on the gradients of each step."""

    def __init__(self, model):
        tensors = dict(model.named_parameters()) | dict(model.named_buffers())
        self.orbits = {name: orbits(name, t.shape).to(t.device) for name, t in tensors.items()}
        self.counts = {name: torch.bincount(o.flatten()).float() for name, o in self.orbits.items()}

    def to(self, device):
        self.orbits = {name: o.to(device) for name, o in self.orbits.items()}
        self.counts = {name: c.to(device) for name, c in self.counts.items()}

    def mean(self, name, tensor):
        orbit, count = self.orbits[name], self.counts[name]
        total = torch.zeros_like(count).index_add_(0, orbit.flatten(), tensor.flatten().float())
        return (total / count)[orbit].to(tensor.dtype)

    @torch.no_grad()
    def start(self, model):
        """Draws one number for each orbit. An orbit with n entries in a row counts between n independent ones and one n
        times as large, so its deviation is n^-3/4; all orbits of a row together give a deviation of about 1."""
        for name, t in (dict(model.named_parameters()) | dict(model.named_buffers())).items():
            orbit = self.orbits[name]
            if name.startswith("q_head"):
                continue
            drawn = torch.randn(len(self.counts[name]), device=t.device)[orbit]
            if t.dim() == 2 and name != "embed_tokens.embedding_weight":
                for r in range(len(t)):
                    n = torch.bincount(orbit[r], minlength=len(self.counts[name])).float()
                    drawn[r] *= (n[orbit[r]] ** -0.75) / (n > 0).sum().sqrt()
            elif t.dim() == 2:
                drawn *= t.shape[1] ** -0.5
            t.copy_(drawn)

    @torch.no_grad()
    def average(self, model):
        for name, p in model.named_parameters():
            if p.grad is not None:
                p.grad.copy_(self.mean(name, p.grad))
