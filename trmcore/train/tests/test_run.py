"""Whole runs: overfitting, stopping and resuming, export against the reference and against the Go runtime."""
import dataclasses
import json
import pathlib
import subprocess

import numpy
import pytest
import reference
import torch

import checkpoint
import data
import plot
import train
from export import from_state, write
from model import TRM, Arch
from recipes import RECIPES, changed
from trainer import Trainer

ROOT = pathlib.Path(__file__).resolve().parents[3]
TINY = Arch(hidden_size=32, num_heads=2, inter_size=48, inter_tokens=54, H_cycles=2, L_cycles=2)


def small(name="cpu", arch=TINY, **fields):
    return dataclasses.replace(RECIPES[name], arch=arch, dtype="float32", **fields)


def steps(trainer, count):
    for _ in range(count):
        trainer.advance()


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()] + [s.flatten() for s in trainer.ema.shadow])


def test_overfits_64_easy_puzzles(easy):
    """A tiny model solves all 64 puzzles that it is shown, exactly."""
    arch = Arch(hidden_size=96, inter_size=128, inter_tokens=108, H_cycles=1, L_cycles=2)
    trainer = Trainer(small(arch=arch, batch=32, steps=400, givens=(), ema=0.95), data.Sudoku([easy], 32), compiled=False)
    questions, answers = data.read(easy)
    exact = 0.0
    while exact < 1 and trainer.progress() < 1:
        steps(trainer, 25)
        with trainer.averaged():
            exact, _ = data.evaluate(trainer.model, questions, answers)
    assert exact == 1.0, f"{exact:.3f} after {trainer.step} steps"


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "cpu"])
def test_stop_and_resume_gives_the_same_bits(name, easy, tmp_path):
    arch = dataclasses.replace(TINY, puzzle_emb_len=2, puzzle_emb_ndim=40) if name == "a" else TINY
    recipe = small(name, arch, batch=4, steps=20, warmup=3, ema_from=0)
    through = Trainer(recipe, data.Sudoku([easy], 4, seed=5))
    steps(through, 5)
    through.save(tmp_path / "state")
    steps(through, 5)
    resumed = Trainer(recipe, data.Sudoku([easy], 4, seed=99))
    steps(resumed, 2)  # whatever it did before is forgotten
    resumed.restore(checkpoint.load(tmp_path / "state"))
    steps(resumed, 5)
    assert through.step == resumed.step == 10
    assert torch.equal(weights(through), weights(resumed))
    if name == "a":
        assert torch.equal(through.table, resumed.table) and through.table.abs().sum() > 0
    assert not torch.equal(weights(through), weights(Trainer(recipe, data.Sudoku([easy], 4, seed=5))))


class ManyTasks(data.Sudoku):
    """Data of one small shape with as many identifiers as ARC's training has."""

    identifiers = 30_684

    def __init__(self):
        self.buckets, self.generator = [data.Bucket(torch.arange(4), 1)], torch.Generator()


@pytest.mark.parametrize("name", ["a", "b", "arc"])
def test_published_state_fits(name, tmp_path, easy):
    """The state of the published sizes stays under 64 MiB in parts under 16 MiB."""
    recipe = dataclasses.replace(RECIPES[name], batch=1, dtype="float32")
    trainer = Trainer(recipe, ManyTasks() if name == "arc" else data.Sudoku([easy], 1))
    size = trainer.save(tmp_path / "state")
    assert size <= 64 << 20
    assert all(p.stat().st_size <= 16 << 20 for p in (tmp_path / "state").iterdir())


def test_another_architecture_is_refused(tmp_path, easy):
    Trainer(small(batch=1), data.Sudoku([easy], 1)).save(tmp_path / "state")
    other = Trainer(small(batch=1, chains=2), data.Sudoku([easy], 1))
    with pytest.raises(SystemExit, match="chains"):
        other.restore(checkpoint.load(tmp_path / "state"))
    wider = Trainer(small(arch=dataclasses.replace(TINY, hidden_size=48), batch=1), data.Sudoku([easy], 1))
    with pytest.raises(SystemExit, match="hidden_size = 32, not 48"):
        wider.restore(checkpoint.load(tmp_path / "state"))
    deeper = Trainer(small(arch=dataclasses.replace(TINY, L_cycles=3), batch=1), data.Sudoku([easy], 1))
    deeper.restore(checkpoint.load(tmp_path / "state"))  # a run may begin shallow


def test_settings_are_checked():
    recipe = changed(RECIPES["b"], ["batch=12", "arch.hidden_size=64", "tied=true", "givens=0.5,9", "muon_lr=0.1"])
    assert (recipe.batch, recipe.arch.hidden_size, recipe.tied, recipe.givens, recipe.muon_lr) == (12, 64, True, (0.5, 9.0), 0.1)
    for bad in ("bach=3", "batch", "arch.size=3", "arch=1"):
        with pytest.raises(SystemExit, match="FIELD"):
            changed(RECIPES["b"], [bad])


ARCHS = {
    "mixer": TINY,
    "prefix": dataclasses.replace(TINY, puzzle_emb_len=3, puzzle_emb_ndim=50),
    "attention": dataclasses.replace(TINY, mlp_t=False, pos_encodings="rope", puzzle_emb_len=2, puzzle_emb_ndim=64, inter_tokens=0),
    "learned": dataclasses.replace(TINY, mlp_t=False, pos_encodings="learned", inter_tokens=0),
}


def contractive(arch):
    """A model of random weights, small enough that rounding does not grow over the steps."""
    torch.manual_seed(1)
    model = TRM(arch)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.mul_(0.5) if name.startswith("L_level") else p.normal_(std=0.2)
    return model


@pytest.mark.parametrize("name", ARCHS)
def test_export_agrees_with_the_reference(name, tmp_path):
    """Logits, q and states of 16 steps, from the file that export writes."""
    model = contractive(ARCHS[name])
    table = torch.randn(2, model.arch.puzzle_emb_ndim) / 6 if model.arch.puzzle_emb_len else None
    write(tmp_path, model, {"name": name, "task": "sudoku", "arch": dataclasses.asdict(model.arch)}, table, torch.float32)
    other, other_table = reference.load(tmp_path)
    tokens, ids = torch.randint(1, 11, (3, 81)), torch.tensor([0, 1, 1])
    puzzle = table[ids] if table is not None else None
    ours, theirs = model.begin(3), other.begin(3)
    with torch.no_grad():
        for _ in range(16):
            logits, q, *ours = model(*ours, tokens, puzzle)
            want, want_q, *theirs = other(tokens, other_table[ids] if table is not None else None, *theirs)
            torch.testing.assert_close(logits.transpose(0, 1), want, rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(q, want_q, rtol=1e-3, atol=1e-4)


def test_go_runtime_agrees(trm, easy, tmp_path):
    """trm gives, with the exported fp16 weights, the very answers and halting logits of PyTorch after 16 steps."""
    model = contractive(TINY)
    write(tmp_path / "model", model, {"name": "tiny", "task": "sudoku", "arch": dataclasses.asdict(TINY)})
    other, _ = reference.load(tmp_path / "model")
    questions, _ = data.read(easy)
    state = other.begin(64)
    with torch.no_grad():
        for _ in range(16):
            logits, q, *state = other(questions.long() + 1, None, *state)
    lines = ["".join(map(str, row)).replace("0", ".") for row in questions.tolist()]
    (tmp_path / "puzzles.txt").write_text("\n".join(lines) + "\n")
    command = [trm, "solve", tmp_path / "puzzles.txt", "--model", tmp_path / "model", "--device", "cpu", "--halt", "none", "--json"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    solved = json.loads(out.stdout)
    assert len(solved) == 64, out.stderr
    got = numpy.array([[int(c) for c in s["answer"].replace(".", "0")] for s in solved])
    two = logits.topk(2).values
    sure = (two[..., 0] - two[..., 1] > 1e-4).numpy()  # nearer than that rounding may decide
    assert (got == logits.argmax(-1).numpy().clip(1) - 1)[sure].all() and sure.mean() > 0.99
    assert numpy.allclose([s["q"] for s in solved], q[:, 0].numpy(), atol=1e-3)


def test_command_trains_saves_and_draws(easy, tmp_path, monkeypatch):
    argv = ["train.py", "b", "--data", str(easy), "--held", str(easy), "--held-limit", "8", "--out", str(tmp_path), "--minutes", "5", "--eager", "--threads", "1"]
    tiny = ["batch=4", "steps=60", "ema_from=5", "dtype=float32", "arch.hidden_size=32", "arch.inter_size=48", "arch.inter_tokens=32", "arch.H_cycles=2", "arch.L_cycles=1"]
    monkeypatch.setattr("sys.argv", argv + [x for t in tiny for x in ("--set", t)])
    train.main()
    train.main()  # the schedule is over: it saves again and ends
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[0]["step"] == 50 and log[0]["loss"] > 0 and 0 < log[0]["mfu"] < 1
    assert log[1]["step"] == 60 and 0 <= log[1]["easy"][1] <= 1
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["training"]["steps"] == 60 and card["arch"]["hidden_size"] == 32
    from_state(checkpoint.load(tmp_path / "state"), tmp_path / "again", {"name": "again"})
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (tmp_path / "model.safetensors").read_bytes()
    picture = plot.draw([tmp_path / "log.jsonl"], "A run")
    assert picture.startswith("<svg") and picture.count("<polyline") == 4
