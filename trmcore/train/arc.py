"""ARC on the device, in buckets: an example is stepped at the size it has, not on the full canvas of 30 x 30.

An example's box is the smallest square at the upper left corner that holds its input, its output, and their end marks.
Nine sizes of square cover all boxes; each is a bucket with a batch and compiled kernels of its own. Tokens keep the
position numbers of the full canvas, so the rotary angles are those of the published model. On the training, concept and
evaluation demonstrations a square of these sizes holds 257 tokens on average, prefix included, instead of 916; nine
rectangles (3 x 3 sides) hold 313.

What the official pipeline does and this one does not: shifting examples over the canvas. Inside a box there is nowhere
to shift to, and rotary positions see only differences, but for those to the prefix.

A task in each of its disguises (a turn and a permutation of the colours but black) is an identifier with an embedding of
its own; their names are the official ones, task|||t3|||0918273645, as `trm bench arc --identifiers` reads them.
"""
import json
import math
import pathlib
import random

import torch

from data import Bucket
from loss import IGNORE

SIDE, COLOR, END, PAD = 30, 2, 1, 0
SQUARES = (8, 11, 13, 16, 18, 21, 23, 26, 30)  # of all nine-element sets the one with the least area over the examples
BLANK_NAME = "<blank>"
TOKENS = 768 * 257  # of a batch: in the mean bucket it is the paper's 768 examples


def read_tasks(path, solutions=None):
    """Tasks of a challenges.json: {name: (demonstrations, test inputs, test outputs or None)}; grids are lists of rows."""
    known = json.loads(pathlib.Path(solutions).read_text()) if solutions else {}
    tasks = {}
    for name, task in json.loads(pathlib.Path(path).read_text()).items():
        demonstrations = [(pair["input"], pair["output"]) for pair in task["train"]]
        tasks[name] = (demonstrations, [pair["input"] for pair in task["test"]], known.get(name))
    return tasks


def turned(grid, turn):
    """One of the eight symmetries, numbered as in the official code: quarter turns, two mirrors, two transpositions."""
    if turn in (1, 3, 6, 7):
        grid = [list(row) for row in zip(*grid)]
    if turn in (1, 2, 5, 7):
        grid = grid[::-1]
    if turn in (2, 3, 4, 7):
        grid = [row[::-1] for row in grid]
    return grid


def disguised(grid, turn, colors):
    return [[colors[c] for c in row] for row in turned(grid, turn)]


def undone(grid, turn, colors):
    inverse = [colors.index(c) for c in range(10)]
    return [[inverse[c] for c in row] for row in turned(grid, (0, 3, 2, 1, 4, 5, 6, 7)[turn])]


PLAIN = (0, list(range(10)))


def name_of(task, turn, colors):
    """The official name of a disguise: the plain one's is the task's own."""
    if (turn, colors) == PLAIN:
        return task
    return f"{task}|||t{turn}|||{''.join(map(str, colors))}"


def parse_name(name):
    if "|||" not in name:
        return name, *PLAIN
    task, turn, colors = name.split("|||")
    return task, int(turn[1:]), [int(c) for c in colors]


def disguises(grids, count, rng):
    """The plain disguise and up to count - 1 others that make a different task of it: [(turn, colors)]."""
    seen, chosen = {json.dumps(grids)}, [PLAIN]
    for _ in range(5 * count):
        if len(chosen) >= count:
            break
        turn, colors = rng.randrange(8), [0] + rng.sample(range(1, 10), 9)
        image = json.dumps([disguised(g, turn, colors) for g in grids])
        if image not in seen:
            seen.add(image)
            chosen.append((turn, colors))
    return chosen


def box(*grids):
    """Side of the square that holds the grids and their end marks."""
    return min(SIDE, 1 + max(max(len(g), len(g[0])) for g in grids))


def bucket_of(side):
    return next(i for i, s in enumerate(SQUARES) if s >= side)


def positions(square):
    """Where the tokens of a square are on the canvas: [square^2]."""
    line = torch.arange(square)
    return (line[:, None] * SIDE + line[None]).flatten()


def canvas(grid):
    """A grid as tokens of the full canvas: [900] uint8."""
    tokens = torch.zeros(SIDE, SIDE, dtype=torch.uint8)
    rows, columns = len(grid), len(grid[0])
    tokens[:rows, :columns] = torch.tensor(grid, dtype=torch.uint8) + COLOR
    if columns < SIDE:
        tokens[:rows, columns] = END
    if rows < SIDE:
        tokens[rows, :columns] = END
    return tokens.flatten()


def source_cells(sizes, turns, square):
    """For each example the canvas cell that each cell of its turned image comes from: [B, square^2].

    sizes [B, 2] are rows and columns before the turn; 0..7 as in turned. Cells outside the image give 900, end marks 901.
    """
    h, w = sizes[:, 0, None], sizes[:, 1, None]
    r, c = torch.arange(square, device=sizes.device).repeat_interleave(square)[None], torch.arange(square, device=sizes.device).repeat(square)[None]
    t = turns[:, None]
    flipped = (t == 1) | (t == 3) | (t >= 6)
    rows, columns = torch.where(flipped, w, h), torch.where(flipped, h, w)
    row = torch.stack((r + 0 * h, c + 0 * h, h - 1 - r, h - 1 - c, r + 0 * h, h - 1 - r, c + 0 * h, h - 1 - c)).gather(0, t.expand(-1, r.shape[1])[None])[0]
    column = torch.stack((c + 0 * w, w - 1 - r, w - 1 - c, r + 0 * w, w - 1 - c, c + 0 * w, r + 0 * w, w - 1 - r)).gather(0, t.expand(-1, r.shape[1])[None])[0]
    inside = (r < rows) & (c < columns)
    end = ((r < rows) & (c == columns)) | ((r == rows) & (c < columns))
    return torch.where(inside, row * SIDE + column, torch.where(end, SIDE * SIDE + 1, SIDE * SIDE))


class Arc:
    """Draws examples of one bucket at a time, each as often as any other.

    train are challenges.json=solutions.json (or without: demonstrations only), whose test pairs are learned too; of the
    evaluate files only the demonstrations are. Their test outputs are never read.
    """

    def __init__(self, train, evaluate, recipe, device="cpu"):
        rng = random.Random(recipe.seed)
        self.names, examples = [BLANK_NAME], []  # examples: (input, output, first identifier, how many)
        sources = [tuple(t.partition("=")[::2]) for t in train] + [(e, "") for e in evaluate]
        taken = {}
        for path, solutions in sources:
            for task, (pairs, inputs, outputs) in read_tasks(path, solutions or None).items():
                if task in taken:
                    raise SystemExit(f"task {task} is in {taken[task]} and in {path}: training on one and scoring the other would leak")
                taken[task] = path
                grids = [g for pair in pairs for g in pair] + inputs
                first = len(self.names)
                for turn, colors in disguises(grids, recipe.augmentations, rng):
                    self.names.append(name_of(task, turn, colors))
                if outputs and solutions:
                    pairs = pairs + list(zip(inputs, outputs))
                examples += [(i, o, first, len(self.names) - first) for i, o in pairs]
        if not examples:
            raise SystemExit("no ARC tasks: name challenges.json with --data or --evaluate")
        self.identifiers = len(self.names)
        parsed = [parse_name(n) for n in self.names[1:]]
        self.turns = torch.tensor([0] + [t for _, t, _ in parsed], device=device)
        recolor = [[PAD, END] + [COLOR + c for c in colors] for _, _, colors in parsed]
        self.recolor = torch.tensor([list(range(12))] + recolor, device=device)  # [ids, 12] token to token
        pad = torch.tensor([PAD, END], dtype=torch.uint8)
        self.inputs = torch.stack([torch.cat((canvas(i), pad)) for i, *_ in examples]).to(device)  # [N, 902]
        self.outputs = torch.stack([torch.cat((canvas(o), pad)) for _, o, *_ in examples]).to(device)
        self.sizes = torch.tensor([[[len(i), len(i[0])], [len(o), len(o[0])]] for i, o, *_ in examples], device=device)  # [N, 2, 2]
        pairs = [[] for _ in SQUARES]  # of each bucket: (example, identifier)
        for e, (i, o, first, count) in enumerate(examples):
            pairs[bucket_of(box(i, o))] += [(e, first + k) for k in range(count)]
        used = [(s, torch.tensor(p, device=device)) for s, p in zip(SQUARES, pairs) if p]
        self.squares, self.pairs = [s for s, _ in used], [p for _, p in used]
        prefix = recipe.arch.puzzle_emb_len
        scale = recipe.batch / 768
        self.buckets = [Bucket(positions(s), max(1, min(recipe.batch, math.ceil(scale * TOKENS / (s * s + prefix))))) for s in self.squares]
        steps = [len(p) / b.batch for p, b in zip(self.pairs, self.buckets)]
        self.shares = [s / sum(steps) for s in steps]  # of the steps
        self.generator = torch.Generator(device).manual_seed(recipe.seed)
        self.order = torch.Generator().manual_seed(recipe.seed)

    def next(self):
        """The bucket of the next step; the draw is the CPU's, so that no step waits for the device."""
        x = torch.rand((), generator=self.order).item()
        for i, share in enumerate(self.shares):
            x -= share
            if x < 0:
                return i
        return len(self.shares) - 1

    def draw(self, bucket, count):
        """Tokens and labels [count, square^2] int64, and identifiers [count]."""
        pairs, square = self.pairs[bucket], self.squares[bucket]
        pick = pairs[torch.randint(len(pairs), (count,), generator=self.generator, device=pairs.device)]
        example, ids = pick.unbind(1)
        turns, recolor = self.turns[ids], self.recolor[ids]
        grids = []
        for side, base in enumerate((self.inputs, self.outputs)):
            cells = source_cells(self.sizes[example, side], turns, square)
            grids.append(recolor.gather(1, base[example].long().gather(1, cells)))
        tokens, labels = grids
        return tokens, torch.where(labels == PAD, IGNORE, labels), ids

    def state(self):
        return [self.generator.get_state(), self.order.get_state()]

    def restore(self, state):
        self.generator.set_state(state[0])
        self.order.set_state(state[1])
