"""The cover network: symmetries, the kernel against autograd, export against the reference, resuming."""
import dataclasses
import json

import pytest
import reference
import torch

import checkpoint
import data
import kernel
from cover import CoverTRM
from export import export
from loss import IGNORE, step_loss
from recipes import RECIPES
from trainer import Trainer

SMALL = dataclasses.replace(RECIPES["cover"].arch, hidden_size=32, inter_size=32, inter_units=32, H_cycles=2, L_cycles=2)


def batch(easy, count):
    questions, answers = data.read(easy, count)
    tokens = questions.long() + data.BLANK
    return tokens, torch.where(questions == 0, answers.long() + data.BLANK, IGNORE)


def gradients(model, tokens, labels, state):
    for p in model.parameters():
        p.grad = None
    logits, q, *after = model(*state, tokens)
    step_loss(logits, q, labels, "softmax", 0, 0.05)[0].mean().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}, (logits.detach(), *after)


@pytest.mark.skipif(kernel.missing() is not None, reason=f"the kernel needs {kernel.missing()}")
@pytest.mark.parametrize("count", [32, 5])
def test_kernel_agrees_with_autograd(easy, count):
    torch.manual_seed(0)
    model = CoverTRM(dataclasses.replace(RECIPES["cover"].arch, H_cycles=1))
    torch.nn.init.normal_(model.q_head.weight)
    tokens, labels = batch(easy, count)
    state = model.begin(count)
    want, reached = gradients(model, tokens, labels, state)
    assert kernel.attach(model) is None
    got, fast = gradients(model, tokens, labels, state)
    for a, b in zip(reached, fast):
        assert (a - b).abs().mean() < 0.02
    for name, g in want.items():
        assert torch.cosine_similarity(g.flatten(), got[name].flatten(), 0) > 0.999, name
        assert 0.98 < got[name].norm() / g.norm() < 1.02, name


def test_commutes_with_the_symmetries(easy):
    """Digits renamed, rows exchanged and the grid transposed, latents with them: the logits follow."""
    torch.manual_seed(1)
    model, (tokens, _) = CoverTRM(SMALL), batch(easy, 2)
    z_H, z_L = model.begin(2)
    logits, q, *_ = model(z_H, z_L, tokens)
    rows, digits = torch.tensor([2, 0, 1, 6, 8, 7, 3, 5, 4]), torch.randperm(9)

    def moved(state):
        grid = state.view(9, 9, 9, *state.shape[1:])
        return grid[rows].transpose(0, 1)[:, :, digits].reshape(state.shape)

    names = torch.cat((torch.arange(2), 2 + digits.argsort()))
    other = names[tokens.view(-1, 9, 9)[:, rows].transpose(1, 2).reshape(-1, 81)]
    got, q_too, *_ = model(moved(z_H), moved(z_L), other)
    want = logits.view(9, 9, *logits.shape[1:])[rows].transpose(0, 1).reshape(logits.shape)
    want = torch.cat((want[..., :2], want[..., 2:][..., digits]), -1)
    assert (got - want).abs().max() < 1e-3
    assert (q_too - q).abs().max() < 1e-4


def test_reference_answers_alike(easy, tmp_path):
    recipe = dataclasses.replace(RECIPES["cover"], arch=SMALL, batch=4, micro=2)
    trainer = Trainer(recipe, data.Sudoku([easy], 4, disguised=False))
    export(trainer, tmp_path)
    model, _ = reference.load(tmp_path)
    trainer.model.kernel = None
    trainer.model.load_state_dict({name: t.half().float() for name, t in trainer.model.state_dict().items()})
    tokens, _ = batch(easy, 3)
    z_H, z_L = trainer.model.begin(3)
    with torch.no_grad():
        logits, q, *_ = trainer.model(z_H, z_L, tokens)
        theirs, q_too, *_ = model(tokens, None, z_H.transpose(0, 1), z_L.transpose(0, 1))
    assert (logits.transpose(0, 1) - theirs).abs().max() < 1e-3
    assert (q - q_too).abs().max() < 1e-4
    assert json.loads((tmp_path / "card.json").read_text())["arch"]["cover"] is True


@pytest.mark.parametrize("fast", [True, False])
def test_resumes_to_the_bit(easy, tmp_path, fast):
    recipe = dataclasses.replace(RECIPES["cover"], arch=SMALL, batch=4, micro=2, steps=20, warmup=3)

    def fresh(seed):
        t = Trainer(recipe, data.Sudoku([easy], 4, seed=seed, givens=recipe.givens, disguised=False))
        if not fast:
            t.model.kernel = None
        return t

    through = fresh(5)
    for _ in range(2):
        through.advance()
    through.save(tmp_path / "state")
    through.advance()
    resumed = fresh(9)
    resumed.restore(checkpoint.load(tmp_path / "state"))
    resumed.advance()
    for a, b in zip(through.model.parameters(), resumed.model.parameters()):
        assert torch.equal(a, b)
