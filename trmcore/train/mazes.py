"""Mazes to learn from: random walls, a start and a goal, and what the rules say about every cell.

The labelled path is the one that goes to a neighbour nearer to the goal, the first of below, left, right, above. That rule
draws all 1,500 paths of the published Maze-Hard, each of which is one of thousands of shortest ones. So every random maze has
its label, and data never end.
"""
import numpy
import torch

from grid import FREE, GOAL, PATH, START, WALL

MOVES = ((1, 0), (0, -1), (0, 1), (-1, 0))  # in the order of preference
FAR = 10_000  # distance of a cell that cannot reach the goal


def beside(x, move, outside):
    """What lies one move away from each cell of [N, S, S]."""
    down, right = move
    y = numpy.full_like(x, outside)
    rows, columns = x.shape[1:]
    y[:, max(0, -down) : rows - max(0, down), max(0, -right) : columns - max(0, right)] = x[
        :, max(0, down) : rows - max(0, -down), max(0, right) : columns - max(0, -right)
    ]
    return y


def distances(open, goal):
    """Steps from each cell to the goal [N], a cell's number: [N, S, S]."""
    side = open.shape[1]
    d = numpy.full(open.shape, FAR, numpy.int16)
    d.reshape(len(d), -1)[numpy.arange(len(d)), goal] = 0
    while True:
        nearer = numpy.minimum.reduce([beside(d, move, FAR) for move in MOVES]) + 1
        wave = numpy.where(open, numpy.minimum(d, nearer), FAR)
        if (wave == d).all():
            return d
        d = wave


def preferred(d):
    """Which of MOVES the path takes from each cell, from 1; 0 at the goal and where there is no way."""
    move = numpy.zeros(d.shape, numpy.int64)
    for k in reversed(range(4)):
        move = numpy.where(beside(d, MOVES[k], FAR) == d - 1, k + 1, move)
    return numpy.where((d > 0) & (d < FAR), move, 0)


def random_cell(allowed, rng):
    """A cell's number for each [N, S, S] mask, and whether it allows any."""
    draw = (rng.random(allowed.shape) * allowed).reshape(len(allowed), -1)
    return draw.argmax(1), draw.max(1) > 0


def draw(walls, least, rng):
    """A start and a goal at least so far apart for each of walls [N, S, S] that has room for them. Returns tokens, labels,
    distances and moves, [M, S, S] int64 each."""
    open = ~walls
    goal, some = random_cell(open, rng)
    d = distances(open, goal)
    # Half of the goals are moved to the end of the longest way from where they were.
    reach = numpy.where(d < FAR, d, 0).reshape(len(d), -1)
    goal = numpy.where(rng.random(len(goal)) < 0.5, reach.argmax(1), goal)
    d = distances(open, goal)
    start, far = random_cell((d >= least) & (d < FAR), rng)
    keep = some & far
    open, d, start, goal = open[keep], d[keep], start[keep], goal[keep]
    n, side, moves = len(d), d.shape[1], preferred(d)
    step = numpy.array([0] + [down * side + right for down, right in MOVES])
    path, at, row = numpy.zeros((n, side * side), bool), start.copy(), numpy.arange(n)
    for _ in range(int(d.reshape(n, -1)[row, start].max(initial=0))):
        at = at + step[moves.reshape(n, -1)[row, at]]
        path[row, at] = True
    tokens = numpy.where(open, FREE, WALL).reshape(n, -1)
    labels = numpy.where(path, PATH, tokens)
    for x in (tokens, labels):
        x[row, start], x[row, goal] = START, GOAL
    return tuple(torch.from_numpy(x.astype(numpy.int64)).view(n, side, side) for x in (tokens, labels, d, moves))


class Mazes:
    """Batches of mazes of one side. known [N, S, S] are squares whose walls are used as well, turned, with other ends."""

    def __init__(self, side, least, rng, known=None):
        self.side, self.least, self.rng, self.known, self.pool = side, least, rng, known, None

    def more(self):
        rng, n = self.rng, 4096 // self.side
        if self.known is not None and rng.random() < 0.8:
            some = self.known[rng.integers(len(self.known), size=n)]
            walls = numpy.stack([numpy.rot90(w if rng.random() < 0.5 else w.T, rng.integers(4)) for w in some])
        else:
            walls = rng.random((n, self.side, self.side)) < rng.uniform(0.2 if self.side < 15 else 0.3, 0.42, (n, 1, 1))
        return draw(walls, self.least, rng)

    def take(self, n):
        """n mazes: tokens, labels, distances, moves, [n, S, S] each."""
        while self.pool is None or len(self.pool[0]) < n:
            fresh = self.more()
            self.pool = fresh if self.pool is None else tuple(torch.cat(pair) for pair in zip(self.pool, fresh))
        taken, self.pool = tuple(x[:n] for x in self.pool), tuple(x[n:] for x in self.pool)
        return taken
