"""Optimisers: AdamATan2 (the paper's), Muon for the matrices of the blocks, sign descent for puzzle embeddings; EMA.

Each keeps its state in plain lists of tensors, so that a checkpoint is a walk over them. A learning rate is a tensor on
the device: a captured CUDA graph then reads the current one.
"""
import torch


class AdamATan2:
    """p *= 1 - lr wd; p -= lr / (1 - b1^t) * atan2(m, sqrt(v / (1 - b2^t))): Adam without an epsilon (arXiv 2407.05872)."""

    def __init__(self, params, lr, decay=1.0, betas=(0.9, 0.95)):
        self.params, self.lr, self.decay, self.betas = list(params), lr, decay, betas
        self.m = [torch.zeros_like(p) for p in self.params]
        self.v = [torch.zeros_like(p) for p in self.params]

    def state(self):
        return {"m": self.m, "v": self.v}

    @torch.no_grad()
    def step(self, scale, t):
        """scale: factor on the learning rate; t: number of this step, from 1. Both are tensors."""
        grads, lr, (b1, b2) = [p.grad for p in self.params], self.lr * scale, self.betas
        torch._foreach_lerp_(self.m, grads, 1 - b1)
        torch._foreach_mul_(self.v, b2)
        torch._foreach_addcmul_(self.v, grads, grads, 1 - b2)
        torch._foreach_mul_(self.params, 1 - lr * self.decay)
        for p, m, v in zip(self.params, self.m, self.v):
            p.sub_(torch.atan2(m, torch.sqrt(v / (1 - b2**t))) * (lr / (1 - b1**t)))


class Muon:
    """Momentum, orthogonalised by a Newton-Schulz iteration (Jordan et al. 2024). For matrices only.

    The update of a [rows, columns] matrix is scaled by sqrt(max(1, rows / columns)), so that its effect on the output
    does not depend on the shape.
    """

    def __init__(self, params, lr, momentum=0.95, decay=0.0, iterations=5):
        self.params, self.lr, self.momentum, self.decay, self.iterations = list(params), lr, momentum, decay, iterations
        self.m = [torch.zeros_like(p) for p in self.params]
        self.shapes = {}  # matrices of one shape are orthogonalised together
        for i, p in enumerate(self.params):
            self.shapes.setdefault(p.shape, []).append(i)

    def state(self):
        return {"m": self.m}

    @torch.no_grad()
    def step(self, scale, t):
        lr, grads = self.lr * scale, [p.grad for p in self.params]
        torch._foreach_lerp_(self.m, grads, 1 - self.momentum)
        ahead = torch._foreach_lerp(grads, self.m, self.momentum)  # Nesterov
        torch._foreach_mul_(self.params, 1 - lr * self.decay)
        for shape, members in self.shapes.items():
            update = orthogonalised(torch.stack([ahead[i] for i in members]), self.iterations)
            update = update * (max(1.0, shape[0] / shape[1]) ** 0.5)
            for i, u in zip(members, update):
                self.params[i].sub_(u * lr)


def orthogonalised(g, iterations=5):
    """The nearest semi-orthogonal matrices to g [N, rows, columns], roughly: singular values end between 0.7 and 1.2."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.bfloat16() if g.is_cuda else g
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(iterations):
        y = x @ x.mT
        x = a * x + (b * y + c * y @ y) @ x
    return (x.mT if tall else x).to(g.dtype)


class SignSGD:
    """row *= 1 - lr wd; row -= lr sign(gradient), for the rows of a table that a batch used, and no others."""

    def __init__(self, table, lr, decay=0.1):
        self.table, self.lr, self.decay = table, lr, decay

    @torch.no_grad()
    def step(self, rows, grad, scale):
        """rows [B] int64, grad [B, ndim]: gradients of a row that occurs twice are added before the sign is taken.

        It passes over the whole table, since finding the distinct rows would wait for the device.
        """
        total = torch.zeros_like(self.table).index_add_(0, rows, grad.float())
        used = torch.zeros(len(self.table), 1, device=grad.device).index_fill_(0, rows, 1.0)
        lr = self.lr * scale
        self.table.mul_(1 - lr * self.decay * used).sub_(lr * total.sign())


class EMA:
    """Exponential moving average of the parameters: what is evaluated and exported."""

    def __init__(self, params, decay):
        self.params, self.decay = list(params), decay
        self.shadow = [p.detach().clone() for p in self.params]

    @torch.no_grad()
    def step(self):
        torch._foreach_lerp_(self.shadow, [p.detach() for p in self.params], 1 - self.decay)
