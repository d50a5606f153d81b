"""The loss of one supervision step: cross entropy over the cells, and whether the answer is right for the halting head."""
import torch
from torch.nn import functional as F

IGNORE = -100  # label of a position that does not count


def log_stablemax(logits):
    """log of stablemax (arXiv 2501.04697): s(x) = x + 1 for x >= 0 and 1 / (1 - x) below, over its sum."""
    x = logits.double()
    s = torch.where(x < 0, 1 / (1 - torch.clamp(x, max=0)), x + 1)
    return torch.log(s / s.sum(-1, keepdim=True))


def cross_entropy(logits, labels, kind="stablemax", smoothing=0.0):
    """Mean over the counted positions of each example: logits [S, B, V], labels [B, S]; returns [B].

    kind is stablemax (the paper's) or softmax; smoothing spreads that share of the target over all classes.
    """
    target = labels.t()
    counted = target != IGNORE
    logp = log_stablemax(logits) if kind == "stablemax" else F.log_softmax(logits, -1)
    picked = logp.gather(-1, torch.where(counted, target, 0)[..., None])[..., 0]
    if smoothing:
        picked = (1 - smoothing) * picked + smoothing * logp.mean(-1)
    each = torch.where(counted, -picked, 0).sum(0)
    return (each / counted.sum(0).clamp(min=1)).float()


def right_cells(logits, labels):
    """Which counted cells are right: (right [B, S] bool, counted [B, S] bool)."""
    counted = labels != IGNORE
    return (logits.argmax(-1).t() == labels) & counted, counted


def step_loss(logits, q, labels, kind="stablemax", smoothing=0.0, q_weight=0.5):
    """Returns (loss of each example [B], exact [B] bool, share of cells right [B]). q [B, 2] holds halt and continue."""
    right, counted = right_cells(logits.detach(), labels)
    exact = (right | ~counted).all(-1) & counted.any(-1)
    each = cross_entropy(logits, labels, kind, smoothing)
    halt = F.binary_cross_entropy_with_logits(q[:, 0], exact.float(), reduction="none")
    return each + q_weight * halt, exact, right.sum(-1) / counted.sum(-1).clamp(min=1)
