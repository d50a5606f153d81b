"""The batch: each row works on an example of its own for up to 16 supervision steps, and gets another when it halts.

Rows are refilled by a mask: the device is never waited for, and shapes never change.
"""
import torch


class Rows:
    """n rows of K chains each; chain k of row i is column i*K + k of the states, [L, n*K, D].

    With K > 1 chains begin at different latents. After each step the best chain's answer z_H is given to all of its
    row, while each keeps its z_L.
    """

    def __init__(self, n, first, latents, length, noise=0.0):
        """first: z_H of one example at step 0, [L, 1, D]; latents [K, D]: the chains' z_L at step 0; noise: the deviation
        of what is added to them in each position of each example."""
        self.noise = noise
        device, (self.chains, width) = latents.device, latents.shape
        self.start_H = first.contiguous()
        self.start_L = latents.repeat(n, 1)[None].expand(len(first), -1, -1).contiguous()
        self.z_H, self.z_L = self.start_H.expand(-1, n * self.chains, -1).contiguous(), self.start_L.clone()
        self.tokens = torch.ones(n, length, dtype=torch.long, device=device)
        self.labels = torch.ones_like(self.tokens)
        self.ids = torch.zeros(n, dtype=torch.long, device=device)
        self.step = torch.zeros_like(self.ids)
        self.least = torch.zeros_like(self.ids)  # it may not halt before this step
        self.most = torch.zeros_like(self.ids)  # it halts after this step
        self.halted = torch.ones(n, dtype=torch.bool, device=device)

    def __len__(self):
        return len(self.halted)

    def refill(self, tokens, labels, ids, recipe, generator):
        """Give the halted rows fresh examples. The draws are made for all rows, and used for those."""
        h, n = self.halted, len(self)
        late = torch.rand(n, generator=generator, device=h.device) < recipe.explore
        least = torch.randint(2, recipe.supervision + 1, (n,), generator=generator, device=h.device) * late
        most = torch.full_like(least, recipe.supervision)
        if recipe.long:
            most *= 1 + 2 * (torch.rand(n, generator=generator, device=h.device) < recipe.long)
        self.most = torch.where(h, most, self.most)
        chains = h.repeat_interleave(self.chains)[None, :, None]
        self.tokens = torch.where(h[:, None], tokens, self.tokens)
        self.labels = torch.where(h[:, None], labels, self.labels)
        self.ids = torch.where(h, ids, self.ids)
        self.z_H = torch.where(chains, self.start_H, self.z_H)
        self.z_L = torch.where(chains, self.start_L, self.z_L)
        if self.noise:
            fresh = chains[0, :, 0].nonzero()[:, 0]
            shape = (len(self.z_L), len(fresh), self.z_L.shape[-1])
            self.z_L[:, fresh] += self.noise * torch.randn(shape, generator=generator, device=h.device, dtype=self.z_L.dtype)
        self.least = torch.where(h, least, self.least)
        self.step = torch.where(h, 0, self.step)

    def advance(self, z_H, z_L, done, recipe, generator=None):
        """The states after a step, and which rows may halt, [n] bool. A row that may, stays by chance (recipe.keep): only
        so does the network see answers that are right already, and learn to hold them."""
        if recipe.keep:
            done = done & (torch.rand(len(self), generator=generator, device=done.device) >= recipe.keep)
        self.z_H, self.z_L, self.step = z_H, z_L, self.step + 1
        self.halted = (self.step >= self.most) | (done & (self.step >= self.least))


def best_chain(each, values, chains):
    """Winner takes all: each [n*K] is the loss; returns each [n] and the values [n*K, ...] of the best chains, [n, ...]."""
    best = each.detach().view(-1, chains).argmin(1) + torch.arange(len(each) // chains, device=each.device) * chains
    return each[best], best, [v[best] for v in values]
