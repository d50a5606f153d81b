"""Sudoku on the device: all puzzles in memory, a fresh random disguise of one whenever a row of the batch wants one."""
import csv
import dataclasses

import torch

BLANK = 1  # token of an empty cell; digit d is d + 1; 0 is padding


@dataclasses.dataclass
class Bucket:
    """Examples of one shape: where their tokens are in the full sequence, and how many are stepped together."""

    positions: torch.Tensor
    batch: int


def read(path, limit=None):
    """Questions and answers of a CSV with these columns: two [N, 81] uint8 tensors of digits, 0 for an empty cell.

    FILE:SOURCE takes the rows alone whose source begins so.
    """
    questions, answers = [], []
    path, _, source = str(path).partition(":")
    with open(path, newline="") as f:
        for row in csv.DictReader(f):
            if source and not row["source"].startswith(source):
                continue
            questions.append(row["question"].replace(".", "0"))
            answers.append(row["answer"])
            if len(questions[-1]) != 81 or len(answers[-1]) != 81:
                raise ValueError(f"{path}: puzzle {len(questions)}: want 81 characters in question and answer")
            if limit and len(questions) == limit:
                break
    if not questions:
        raise ValueError(f"{path}: no puzzles; want CSV with the columns question and answer")
    return tuple(torch.frombuffer(bytearray("".join(s), "ascii"), dtype=torch.uint8).view(-1, 81) - 48 for s in (questions, answers))


def permutation(count, size, generator, device):
    """count random permutations of range(size): [count, size]."""
    return torch.rand(count, size, generator=generator, device=device).argsort(-1)


def lines(count, generator, device):
    """Permutations of nine rows (or columns) that keep the bands (or stacks) together: [count, 9]."""
    bands = permutation(count, 3, generator, device)
    within = permutation(count * 3, 3, generator, device).view(count, 3, 3)
    return (bands[:, :, None] * 3 + within).view(count, 9)


def disguise(question, answer, generator):
    """The same puzzles under random symmetries of the rules and other names for the digits; [N, 81] digits each."""
    n, device = len(question), question.device
    rows, columns = lines(n, generator, device), lines(n, generator, device)
    cell = rows[:, :, None] * 9 + columns[:, None, :]
    flip = torch.rand(n, 1, 1, generator=generator, device=device) < 0.5
    cell = torch.where(flip, cell.mT, cell).reshape(n, 81)
    digits = torch.cat((torch.zeros(n, 1, dtype=torch.long, device=device), permutation(n, 9, generator, device) + 1), 1)
    return tuple(digits.gather(1, grid.long().gather(1, cell)) for grid in (question, answer))


def give(question, answer, most, generator):
    """Fill in 0 to most further cells of each question from its answer. One answer stays one answer."""
    n, device = len(question), question.device
    extra = torch.rand(n, 1, generator=generator, device=device) * (most + 1)
    order = torch.rand(n, 81, generator=generator, device=device) + (question > 0) * 2.0  # empty cells come first
    rank = order.argsort(-1).argsort(-1)
    return torch.where(rank < extra.floor(), answer, question)


class Sudoku:
    """Draws examples from CSV files, each FILE or FILE=WEIGHT (see read); without a weight every puzzle is as likely as any
    other.

    givens = (share, most): that share of the examples gets up to so many further clues. disguised: each is shown under a
    random symmetry, which a network that commutes with them all has no use for.
    """

    identifiers, shares = 1, (1.0,)

    def __init__(self, files, batch, device="cpu", seed=0, givens=(), disguised=True):
        parts, weights = [], []
        for name in files:
            path, _, weight = str(name).partition("=")
            parts.append(read(path))
            weights.append(float(weight or len(parts[-1][0])))
        self.questions, self.answers = (torch.cat(t).to(device) for t in zip(*parts))
        counts = torch.tensor([len(q) for q, _ in parts])
        self.ends, self.counts = counts.cumsum(0).to(device), counts.to(device)
        self.bounds = (torch.tensor(weights).cumsum(0) / sum(weights)).to(device)
        self.givens, self.disguised = givens, disguised
        self.buckets = [Bucket(torch.arange(81), batch)]
        self.generator = torch.Generator(device).manual_seed(seed)

    def next(self):
        """The bucket of the next step."""
        return 0

    def draw(self, bucket, count):
        """Tokens and labels, [count, 81] int64 each, and identifiers [count]."""
        device, g = self.questions.device, self.generator
        part = torch.bucketize(torch.rand(count, generator=g, device=device), self.bounds[:-1], right=True)
        within = torch.rand(count, generator=g, device=device, dtype=torch.float64) * self.counts[part]
        pick = self.ends[part] - self.counts[part] + within.long()
        question, answer = self.questions[pick].long(), self.answers[pick].long()
        if self.disguised:
            question, answer = disguise(question, answer, g)
        if self.givens:
            share, most = self.givens
            some = torch.rand(count, 1, generator=g, device=device) < share
            question = torch.where(some, give(question, answer, most, g), question)
        return question + BLANK, answer + BLANK, torch.zeros(count, dtype=torch.long, device=device)

    def state(self):
        return [self.generator.get_state()]

    def restore(self, state):
        self.generator.set_state(state[0])


@torch.no_grad()
def evaluate(model, questions, answers, steps=16, batch=256):
    """Share of puzzles that are right after some step (a check of the rules stops there), and of cells after the last."""
    device, exact, cells = model.H_init.device, 0.0, 0.0
    for q, a in zip(questions.split(batch), answers.split(batch)):
        tokens, labels = q.long().to(device) + BLANK, a.long().to(device) + BLANK
        z_H, z_L = model.begin(len(q))
        solved = torch.zeros(len(q), dtype=torch.bool, device=device)
        for _ in range(steps):
            logits, _, z_H, z_L = model(z_H, z_L, tokens)
            right = logits.argmax(-1).t() == labels
            solved |= right.all(-1)
        exact, cells = exact + solved.sum().item(), cells + right.float().mean(-1).sum().item()
    return exact / len(questions), cells / len(questions)
