"""The parts against formulas written out here."""
import math

import pytest
import torch

import checkpoint
import data
from loss import IGNORE, cross_entropy, step_loss
from model import TRM, Arch, rms
from optim import EMA, AdamATan2, Muon, SignSGD, orthogonalised
from rows import Rows, best_chain
from symmetry import Tie


def test_stablemax_by_hand():
    logits = torch.tensor([[[2.0, -1.0, 0.0]], [[0.5, -3.0, 1.0]]])  # [S=2, B=1, V=3]
    labels = torch.tensor([[0, IGNORE]])
    s = [3.0, 1 / 2, 1.0]
    assert cross_entropy(logits, labels).item() == pytest.approx(-math.log(s[0] / sum(s)), rel=1e-6)
    labels = torch.tensor([[0, 1]])
    t = [1.5, 1 / 4, 2.0]
    want = (-math.log(s[0] / sum(s)) - math.log(t[1] / sum(t))) / 2
    assert cross_entropy(logits, labels).item() == pytest.approx(want, rel=1e-6)


def test_smoothing_is_torchs():
    torch.manual_seed(0)
    logits, labels = torch.randn(5, 3, 11), torch.randint(0, 11, (3, 5))
    want = torch.nn.functional.cross_entropy(logits.permute(1, 2, 0), labels, label_smoothing=0.2, reduction="none").mean(-1)
    torch.testing.assert_close(cross_entropy(logits, labels, "softmax", 0.2), want)


def test_step_loss_counts_what_counts():
    logits = torch.full((3, 2, 4), -5.0)
    logits[:, :, 1] = 5.0
    labels = torch.tensor([[1, 1, IGNORE], [1, 2, 1]])
    each, exact, cells = step_loss(logits, torch.tensor([[0.0, 0.0], [2.0, 0.0]]), labels, "softmax", q_weight=0.5)
    assert exact.tolist() == [True, False]
    assert cells.tolist() == pytest.approx([1.0, 2 / 3])
    halt = math.log(1 + math.exp(2.0))  # says right with logit 2, and is not
    assert each[1].item() == pytest.approx(cross_entropy(logits, labels, "softmax")[1].item() + 0.5 * halt, rel=1e-5)


def test_adam_atan2_by_hand():
    p = torch.nn.Parameter(torch.tensor([[1.0, -2.0]]))
    optimiser, (b1, b2), lr, decay = AdamATan2([p], 0.1, 0.5), (0.9, 0.95), 0.1, 0.5
    want, m, v = [1.0, -2.0], [0.0, 0.0], [0.0, 0.0]
    for t, grad in enumerate(([0.3, -1.0], [-0.2, 4.0], [0.0, 0.5]), 1):
        p.grad = torch.tensor([grad])
        optimiser.step(torch.tensor(0.5), torch.tensor(float(t)))
        for i, g in enumerate(grad):
            m[i], v[i] = b1 * m[i] + (1 - b1) * g, b2 * v[i] + (1 - b2) * g * g
            want[i] = want[i] * (1 - lr * 0.5 * decay) - lr * 0.5 / (1 - b1**t) * math.atan2(m[i], math.sqrt(v[i] / (1 - b2**t)))
    assert p.tolist()[0] == pytest.approx(want, rel=1e-5)


def test_muon_orthogonalises():
    torch.manual_seed(0)
    for shape in ((48, 16), (16, 48), (32, 32)):
        g = torch.randn(2, *shape)
        singular = torch.linalg.svdvals(orthogonalised(g, 8))
        assert 0.6 < singular.min() and singular.max() < 1.3
    # One step from no momentum: g (1 - momentum) ... is a positive multiple of g, so the update is that of g itself.
    p, g = torch.nn.Parameter(torch.zeros(24, 8)), torch.randn(24, 8)
    p.grad = g.clone()
    Muon([p], 0.1, momentum=0.9).step(torch.tensor(1.0), torch.tensor(1.0))
    torch.testing.assert_close(p.detach(), -0.1 * math.sqrt(3) * orthogonalised(g[None])[0], rtol=1e-4, atol=1e-5)


def test_sign_descent_touches_only_its_rows():
    table = torch.ones(4, 2)
    SignSGD(table, 0.1, 0.5).step(torch.tensor([1, 3, 1]), torch.tensor([[1.0, 0.0], [-2.0, 5.0], [-3.0, 1.0]]), torch.tensor(1.0))
    torch.testing.assert_close(table, torch.tensor([[1, 1], [0.95 + 0.1, 0.95 - 0.1], [1, 1], [0.95 + 0.1, 0.95 - 0.1]]))


def test_average_by_hand():
    p = torch.nn.Parameter(torch.tensor([1.0]))
    ema = EMA([p], 0.75)
    with torch.no_grad():
        p.fill_(3.0)
    ema.step()
    assert ema.shadow[0].item() == pytest.approx(0.75 * 1 + 0.25 * 3)


def test_disguise_keeps_the_rules(easy):
    questions, answers = data.read(easy)
    g = torch.Generator().manual_seed(3)
    question, answer = data.disguise(questions, answers, g)
    grid = answer.view(-1, 9, 9)
    boxes = grid.view(-1, 3, 3, 3, 3).transpose(2, 3).reshape(-1, 9, 9)
    for lines in (grid, grid.mT, boxes):
        assert (lines.sort(-1).values == torch.arange(1, 10)).all()
    assert ((question == answer) | (question == 0)).all()
    assert (question > 0).sum() == (questions > 0).sum()
    assert (answer != answers).any(-1).all()
    more = data.give(question, answer, 9, g)
    assert ((more == answer) | (more == 0)).all() and ((question == 0) | (more == question)).all()
    extra = (more > 0).sum(-1) - (question > 0).sum(-1)
    assert extra.min() >= 0 and extra.max() == 9


def test_sources_are_drawn_by_weight(easy, tmp_path):
    """One puzzle against 63 with three quarters of the weight; its number of givens tells it, whatever its disguise."""
    head, *rows = easy.read_text().splitlines()
    source, _, *rest = rows[0].split(",")
    lone = rest[0][:80] + "."  # 80 givens
    (tmp_path / "one.csv").write_text("\n".join([head, ",".join([source, lone, *rest])]) + "\n")
    (tmp_path / "rest.csv").write_text("\n".join([head, *rows[1:]]) + "\n")
    source = data.Sudoku([f"{tmp_path}/one.csv=3", f"{tmp_path}/rest.csv=1"], 8, seed=1)
    tokens, labels, ids = source.draw(0, 4000)
    share = ((tokens > data.BLANK).sum(-1) == 80).float().mean().item()
    assert share == pytest.approx(0.75, abs=0.03) and ids.sum() == 0 and labels.min() == 2


def test_rows_refill_only_what_halted():
    recipe = __import__("recipes").RECIPES["cpu"]
    rows = Rows(3, torch.zeros(2, 1, 4), torch.arange(8.0).view(2, 4), 2)
    g = torch.Generator().manual_seed(0)
    rows.refill(torch.full((3, 2), 5), torch.full((3, 2), 6), torch.tensor([1, 2, 3]), recipe, g)
    rows.least.zero_()
    rows.advance(rows.z_H + 1, rows.z_L + 1, torch.tensor([True, False, False]), recipe)
    assert rows.halted.tolist() == [True, False, False]
    rows.refill(torch.full((3, 2), 7), torch.full((3, 2), 8), torch.tensor([4, 5, 6]), recipe, g)
    assert rows.tokens[:, 0].tolist() == [7, 5, 5] and rows.ids.tolist() == [4, 2, 3] and rows.step.tolist() == [0, 1, 1]
    assert rows.z_H[0, :, 0].tolist() == [0, 0, 1, 1, 1, 1]
    assert rows.z_L[0, :, 0].tolist() == [0, 4, 1, 5, 1, 5]


def test_rows_that_are_right_may_stay():
    recipe = __import__("recipes").RECIPES["cover"]
    assert recipe.keep == 0.3
    n, g = 4000, torch.Generator().manual_seed(0)
    rows = Rows(n, torch.zeros(1, 1, 4), torch.zeros(1, 4), 1)
    rows.refill(torch.zeros(n, 2), torch.zeros(n, 2), torch.zeros(n), recipe, g)
    rows.least.zero_()
    rows.advance(rows.z_H, rows.z_L, torch.ones(n, dtype=torch.bool), recipe, g)
    assert rows.halted.float().mean().item() == pytest.approx(0.7, abs=0.03)


def test_winner_takes_all():
    each = torch.tensor([3.0, 1.0, 2.0, 5.0], requires_grad=True)
    won, best, (value,) = best_chain(each, (torch.arange(4),), 2)
    won.sum().backward()
    assert won.tolist() == [1.0, 2.0] and best.tolist() == [1, 2] and value.tolist() == [1, 2]
    assert each.grad.tolist() == [0, 1, 1, 0]


def test_tied_network_commutes_with_the_symmetries(easy):
    """Solve a disguised puzzle, or disguise the solved one: the same logits, before and after steps of training."""
    arch = Arch(hidden_size=40, inter_size=44, inter_tokens=60, H_cycles=1, L_cycles=2)
    torch.manual_seed(0)
    model = TRM(arch)
    tie = Tie(model)
    tie.start(model)
    optimisers = [Muon([p for n, p in model.named_parameters() if n.startswith("L_level")], 0.02), AdamATan2([p for n, p in model.named_parameters() if not n.startswith("L_level")], 1e-2, 0.1)]
    questions, answers = (t.long() for t in data.read(easy, 4))
    number = torch.arange(81)[None].expand(4, -1) + 1
    for t in (1.0, 2.0, 3.0):
        logits, q, *_ = model(*model.begin(4), questions + 1)
        step_loss(logits, q, answers + 1, "softmax")[0].mean().backward()
        tie.average(model)
        for o in optimisers:
            o.step(torch.tensor(1.0), torch.tensor(t))
        model.zero_grad()
        # One disguise for all four, and the same one for a grid that numbers the cells.
        state = torch.Generator().manual_seed(int(t))
        rows, columns = data.lines(1, state, "cpu")[0], data.lines(1, state, "cpu")[0]
        cell = (rows[:, None] * 9 + columns[None]).mT.flatten()
        digits = torch.cat((torch.tensor([0]), torch.randperm(9, generator=state) + 1))
        with torch.no_grad():
            plain = model(*model.begin(4), questions + 1)[0]
            other = model(*model.begin(4), digits[questions[:, cell]] + 1)[0]
        tokens = torch.cat((torch.tensor([0, 1]), digits[1:] + 1))
        torch.testing.assert_close(other[:, :, tokens], plain[cell], rtol=1e-3, atol=1e-4)


def test_mixers_norm_runs_over_positions():
    x = torch.randn(7, 2, 5)
    torch.testing.assert_close(rms(x, 1e-5, dim=0).square().mean(0), torch.ones(2, 5), rtol=1e-3, atol=1e-3)


def test_official_parameter_counts():
    count = lambda arch: sum(p.numel() for p in TRM(arch).parameters())
    assert count(Arch(puzzle_emb_len=16, puzzle_emb_ndim=512)) == 5_028_866
    assert count(Arch(mlp_t=False, pos_encodings="rope", puzzle_emb_len=16, puzzle_emb_ndim=512)) == 6_828_034
    assert Arch().train_flops() == pytest.approx(31.2e9, rel=0.01)


def test_checkpoint_parts_and_damage(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "PART", 1000)
    state = {"x": torch.arange(1000.0), "nest": [{"y": torch.tensor(3, dtype=torch.int8)}], "text": "a"}
    size = checkpoint.save(tmp_path / "state", state)
    parts = sorted((tmp_path / "state").glob("state.*"))
    assert len(parts) == -(-size // 1000) and all(p.stat().st_size <= 1000 for p in parts)
    back = checkpoint.load(tmp_path / "state")
    assert torch.equal(back["x"], state["x"]) and back["nest"][0]["y"] == 3 and back["text"] == "a"
    checkpoint.save(tmp_path / "state", {"x": 1})
    assert checkpoint.load(tmp_path / "state") == {"x": 1} and not (tmp_path / "state.old").exists()
    part = next((tmp_path / "state").glob("state.*"))
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load(tmp_path / "state")
