"""The grid network and its mazes: the export against the reference, the size, the label's rule against trm, resuming."""
import json
import subprocess

import numpy
import pytest
import reference
import torch

import maze
from grid import FREE, PATH, WALL, GridTRM
from mazes import FAR, Mazes, distances, draw, preferred


@pytest.fixture
def some():
    return Mazes(6, 3, numpy.random.default_rng(1)).take(4)


def steps(model, tokens, count):
    states = model.begin(len(tokens), tokens.shape[1])
    for _ in range(count):
        path, q, *states = model(*states, tokens.permute(1, 2, 0))
    return path.permute(2, 0, 1), q, states


def test_the_export_is_the_reference(tmp_path, monkeypatch, some):
    monkeypatch.setattr(maze.ARCH, "seq_len", 36)
    torch.manual_seed(0)
    model = GridTRM(maze.ARCH)
    tokens = some[0]
    with torch.no_grad():
        path, q, _ = steps(model, tokens, 2)
        maze.export(model, tmp_path, 0, 0)
        exported, _ = reference.load(tmp_path)
        states = exported.begin(len(tokens))
        for _ in range(2):
            logits, other_q, *states = exported(tokens.flatten(1), None, *states)
    assert torch.allclose(path.flatten(1), (logits[..., PATH] - logits[..., FREE]) * (tokens.flatten(1) == FREE) + path.flatten(1) * (tokens.flatten(1) != FREE), atol=2e-2)
    assert torch.allclose(q, other_q, atol=2e-2)  # weights in half precision
    assert json.loads((tmp_path / "card.json").read_text())["arch"]["grid"] is True


def test_walls_round_a_maze_change_nothing(some):
    torch.manual_seed(0)
    model, tokens = GridTRM(maze.ARCH), some[0]
    larger = torch.full((len(tokens), 8, 8), WALL)
    larger[:, 1:7, 1:7] = tokens
    with torch.no_grad():
        small, large = steps(model, tokens, 2)[0], steps(model, larger, 2)[0]
    assert torch.allclose(small, large[:, 1:7, 1:7], atol=1e-4)


def test_every_way_is_shortest_and_prefers_down_left_right_up(some):
    tokens, labels, d, moves = (x.numpy() for x in some)
    for t, want, distance, move in zip(tokens, labels, d, moves):
        at, seen = tuple(numpy.argwhere(t == 3)[0]), set()
        while t[at] != 4:
            near = [(at[0] + a, at[1] + b) for a, b in ((1, 0), (0, -1), (0, 1), (-1, 0))]
            good = [k for k, c in enumerate(near) if min(c) >= 0 and max(c) < 6 and distance[c] == distance[at] - 1]
            assert move[at] == good[0] + 1
            at = near[good[0]]
            seen.add(at)
        assert {tuple(c) for c in numpy.argwhere(want == PATH)} == {c for c in seen if t[c] != 4}


def test_labels_are_those_of_trm(trm, tmp_path):
    subprocess.run([trm, "data", "maze", "generate", "-n", "20", "--side", "15", "-o", tmp_path], check=True)
    inputs, labels = (numpy.load(tmp_path / f"{n}.npy").reshape(-1, 15, 15) for n in ("inputs", "labels"))
    goal = (inputs == 4).reshape(20, -1).argmax(1)
    d = distances(inputs != WALL, goal)
    moves, step = preferred(d).reshape(20, -1), numpy.array([0, 15, -1, 1, -15])
    for i, at in enumerate((inputs == 3).reshape(20, -1).argmax(1)):
        path = set()
        while at != goal[i]:
            at += step[moves[i, at]]
            path.add(at)
        assert path - {goal[i]} == set(numpy.flatnonzero(labels[i].ravel() == PATH))


def test_what_is_cut_off_has_no_way():
    walls = numpy.zeros((1, 5, 5), bool)
    walls[0, 2] = True
    _, _, d, moves = draw(walls, 1, numpy.random.default_rng(0))
    assert ((d == FAR) == (moves == 0))[0, [0, 1, 3, 4]].sum() >= 10


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(maze, "STAGES", ((1.0, 6, 8, 3, 1),))
    log = []
    for minutes in (0.02, 0.05):
        trainer = maze.Trainer(tmp_path, minutes)
        if (tmp_path / "state.pt").exists():
            trainer.restore()
            assert trainer.step == log[-1]
        trainer.run(lambda **line: None, 1)
        log.append(trainer.step)
    assert log[1] > log[0] > 0
    assert (tmp_path / "model.safetensors").exists()
