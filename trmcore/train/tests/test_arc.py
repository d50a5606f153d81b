"""ARC: disguises and their inverses, buckets, what is learned and what never is, and the vote."""
import dataclasses
import json
import pathlib
import random
import subprocess

import numpy
import pytest
import torch

from safetensors.torch import load_file

import arc
import arc_eval
import checkpoint
from export import from_state
from loss import IGNORE
from model import Arch
from recipes import RECIPES
from trainer import Trainer, quantised, restored

ARCH = Arch(vocab_size=12, seq_len=900, puzzle_emb_len=2, puzzle_emb_ndim=32, hidden_size=32, num_heads=2, inter_size=48,
            H_cycles=1, L_cycles=1, mlp_t=False, pos_encodings="rope")


def grid(rng, rows, columns):
    return [[rng.randrange(10) for _ in range(columns)] for _ in range(rows)]


def write_tasks(folder, name, count, rng):
    """Tasks whose output is the input mirrored, as challenges and solutions."""
    challenges, solutions = {}, {}
    for t in range(count):
        side = rng.choice((3, 5, 9, 14, 30))
        pairs = [(g, arc.turned(g, 4)) for g in (grid(rng, side, max(1, side - k)) for k in range(3))]
        challenges[f"{name}{t}"] = {"train": [{"input": i, "output": o} for i, o in pairs[:2]], "test": [{"input": pairs[2][0]}]}
        solutions[f"{name}{t}"] = [pairs[2][1]]
    (folder / f"{name}.json").write_text(json.dumps(challenges))
    (folder / f"{name}_solutions.json").write_text(json.dumps(solutions))
    return f"{folder}/{name}.json", f"{folder}/{name}_solutions.json"


@pytest.fixture
def source(tmp_path):
    rng = random.Random(1)
    train, solutions = write_tasks(tmp_path, "learn", 6, rng)
    evaluate, _ = write_tasks(tmp_path, "score", 4, rng)
    recipe = dataclasses.replace(RECIPES["arc"], arch=ARCH, batch=4, augmentations=5, dtype="float32", steps=20)
    return arc.Arc([f"{train}={solutions}"], [evaluate], recipe), recipe, evaluate


def test_disguise_round_trip():
    rng = random.Random(0)
    for turn in range(8):
        g, colors = grid(rng, 4, 7), [0] + rng.sample(range(1, 10), 9)
        assert arc.undone(arc.disguised(g, turn, colors), turn, colors) == g
        assert arc.parse_name(arc.name_of("a", turn, colors)) == ("a", turn, colors)


def test_disguises_on_the_device_are_those_of_the_lists(source):
    """What the device draws is, cell for cell, the disguised example as tokens of its square."""
    data, *_ = source
    rng = random.Random(2)
    for rows, columns in ((1, 1), (3, 8), (30, 30), (12, 5)):
        g = grid(rng, rows, columns)
        base = torch.cat((arc.canvas(g), torch.tensor([arc.PAD, arc.END], dtype=torch.uint8)))[None].long()
        square = arc.SQUARES[arc.bucket_of(arc.box(g))]
        for turn in range(8):
            cells = arc.source_cells(torch.tensor([[rows, columns]]), torch.tensor([turn]), square)
            want = arc.canvas(arc.turned(g, turn)).view(30, 30)[:square, :square].flatten().long()
            assert torch.equal(base.gather(1, cells)[0], want), (rows, columns, turn)
            assert arc_eval.cropped(want, square) == arc.turned(g, turn)


def test_every_example_is_in_the_smallest_bucket(source):
    data, recipe, _ = source
    pairs = sum(len(p) for p in data.pairs)
    assert pairs == sum(3 if "learn" in n else 2 for n in data.names[1:])
    assert sum(data.shares) == pytest.approx(1)
    for i, square in enumerate(data.squares):
        tokens, labels, ids = data.draw(i, 16)
        assert tokens.shape == (16, square**2) and ids.min() >= 1 and ids.max() < data.identifiers
        assert ((tokens == arc.PAD) | (tokens == arc.END) | (tokens >= arc.COLOR)).all()
        assert ((labels == IGNORE) | (labels == arc.END) | (labels >= arc.COLOR)).all()
        smaller = arc.SQUARES[arc.SQUARES.index(square) - 1] if square > arc.SQUARES[0] else 0
        full = tokens.view(16, square, square)
        reach = (full[:, smaller:, :] > 0).flatten(1).any(1) | (full[:, :, smaller:] > 0).flatten(1).any(1)
        assert reach.all(), "an example would fit into a smaller square"


def test_test_outputs_are_never_learned(source, tmp_path):
    """Of an evaluated task only the demonstrations are in memory, even when its solutions lie beside it."""
    data, *_ = source
    solutions = json.loads((tmp_path / "score_solutions.json").read_text())
    held = {arc.canvas(o).numpy().tobytes() for outputs in solutions.values() for o in outputs}
    assert not held & {o[:900].numpy().tobytes() for o in data.outputs}
    learned = json.loads((tmp_path / "learn_solutions.json").read_text())
    known = {o[:900].numpy().tobytes() for o in data.outputs}
    assert all(arc.canvas(o).numpy().tobytes() in known for outputs in learned.values() for o in outputs)


def test_a_task_in_both_parts_is_refused(source, tmp_path):
    _, recipe, evaluate = source
    with pytest.raises(SystemExit, match="leak"):
        arc.Arc([evaluate], [evaluate], recipe)


def test_bucket_and_full_canvas_have_the_same_positions():
    """Rotary angles in a square are those of its cells on the canvas."""
    from model import rotary_table
    cos, _ = rotary_table(ARCH, torch.arange(902))
    square, _ = rotary_table(ARCH, 2 + arc.positions(8))
    assert torch.equal(square.view(8, 8, -1)[3, 5], cos[2 + 3 * 30 + 5, 0, 0])


def test_resume_with_embeddings(source, tmp_path):
    data, recipe, evaluate = source
    through = Trainer(recipe, data)
    for _ in range(4):
        through.advance()
    through.save(tmp_path / "state")
    for _ in range(4):
        through.advance()
    fresh = arc.Arc([f"{tmp_path}/learn.json={tmp_path}/learn_solutions.json"], [evaluate], recipe)
    resumed = Trainer(recipe, fresh)
    resumed.restore(checkpoint.load(tmp_path / "state"))
    for _ in range(4):
        resumed.advance()
    assert torch.equal(through.table, resumed.table) and through.table.abs().max() > 0
    for a, b in zip(through.model.parameters(), resumed.model.parameters()):
        assert torch.equal(a, b)
    # What answers the evaluation tasks needs their embeddings alone.
    through.save(tmp_path / "state")
    scored = set(json.loads(pathlib.Path(evaluate).read_text()))
    from_state(checkpoint.load(tmp_path / "state"), tmp_path / "model", names=data.names, tasks=scored)
    names = json.loads((tmp_path / "model" / "identifiers.json").read_text())
    kept = load_file(tmp_path / "model" / "model.safetensors")["puzzle_emb.weights"]
    assert names[0] == arc.BLANK_NAME and {arc.parse_name(n)[0] for n in names[1:]} == scored
    torch.testing.assert_close(kept[-1].float(), through.table[data.names.index(names[-1])], rtol=1e-2, atol=1e-4)


def test_int8_embeddings_round_without_bias():
    g = torch.Generator().manual_seed(0)
    table = torch.randn(64, 512, generator=g)
    near = restored(*quantised(table))
    scale = table.abs().amax(1, keepdim=True) / 127
    assert ((near - table).abs() <= scale / 2 + 1e-6).all()
    mean = torch.stack([restored(*quantised(table, g)) for _ in range(200)]).mean(0)
    assert (mean - table).abs().mean() < 0.1 * scale.mean()
    assert torch.equal(restored(*quantised(torch.zeros(2, 4))), torch.zeros(2, 4))


def test_side_is_guessed_from_the_demonstrations():
    square = lambda n: [[0] * n for _ in range(n)]
    assert arc_eval.expected_side([(square(3), square(9)), (square(4), square(12))], square(5)) == 16
    assert arc_eval.expected_side([(square(3), square(2)), (square(4), square(2))], square(9)) == 10
    assert arc_eval.expected_side([(square(3), square(7)), (square(4), square(12))], square(9)) == 13
    assert arc_eval.expected_side([(square(3), square(30)), (square(4), square(30))], square(9)) == 30


def test_votes_learned_examples_and_scores_as_trm_does(source, trm, tmp_path):
    """A network that learned its tasks by heart votes for the right answers, and trm score counts them the same way."""
    rng = random.Random(5)
    tasks = {f"x{n}": {"train": [{"input": [[n]], "output": [[n, n]]}], "test": [{"input": [[n]]}, {"input": [[n]]}]} for n in range(1, 4)}
    (tmp_path / "c.json").write_text(json.dumps(tasks))
    (tmp_path / "s.json").write_text(json.dumps({f"x{n}": [[[n, n]], [[n, 9 - n]]] for n in range(1, 4)}))
    recipe = dataclasses.replace(RECIPES["arc"], arch=ARCH, batch=12, augmentations=3, dtype="float32", steps=150, adam_lr=3e-3, muon_lr=0.02, warmup=5, ema=0.9)
    data = arc.Arc([], [f"{tmp_path}/c.json"], recipe)
    trainer = Trainer(recipe, data)
    while trainer.progress() < 1:
        trainer.advance()
    read = arc.read_tasks(tmp_path / "c.json", tmp_path / "s.json")
    with trainer.averaged():
        ranked = arc_eval.vote(trainer.model, trainer.table, data.names, read)
    assert [ranked[t][0][0] for t in sorted(ranked)] == [[[n, n]] for n in range(1, 4)]
    assert arc_eval.pass_at(ranked, read, 1) == (0.5, 3)
    (tmp_path / "submission.json").write_text(json.dumps(arc_eval.submission(ranked)))
    out = subprocess.run([trm, "score", "arc", "--submission", tmp_path / "submission.json", "--solutions", tmp_path / "s.json", "--json"], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout)["pass@1"] == 0.5
