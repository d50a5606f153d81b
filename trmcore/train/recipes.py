"""Recipes: everything that a run is made of, in one place. `--set batch=64` or `--set arch.hidden_size=256` changes a field.

a    strictly the paper's mathematics, but for 96 positions instead of 97 (alignment): 40,000 steps, about an hour of an
     H100; expect 84-87 % of Sudoku-Extreme
b    the fast one: no prefix, deeper recursion, Muon, cosine to 0: 8,000 steps, 10-15 minutes
c    b with four chains of which the best one is learned from (winner takes all): 20,000 steps, about an hour
d    b with weights tied by the symmetries of the Sudoku, see symmetry.py
cpu  the bundled model: d made small
cover  the bundled model: a small network with the Sudoku's own mixer, not the paper's (cover.py), for a CPU
arc  the attention model with puzzle embeddings, in buckets by bounding box, see arc.py

b and c follow the published ablations of arXiv 2601.19085, except that the SwiGLU stays the published one: a bounded
one would be another architecture, which no other implementation loads.
"""
import dataclasses

from model import Arch


@dataclasses.dataclass(frozen=True)
class Recipe:
    task: str = "sudoku"
    arch: Arch = dataclasses.field(default_factory=Arch)
    batch: int = 768
    micro: int = 0  # rows that go through the network together, so that they fit a cache; 0: all
    steps: int = 40_000  # length of the schedule; 0: it is `minutes` long, by the clock
    minutes: float = 0.0
    supervision: int = 16  # most supervision steps of an example
    long: float = 0.0  # share of examples that may take three times as many
    halt: str = "q"  # an example is replaced when the halting head says so, or when its answer is "exact"
    explore: float = 0.1  # share of examples that may not halt before a step drawn at random
    keep: float = 0.0  # chance that a row that may halt goes through another step
    loss: str = "stablemax"  # or softmax
    smoothing: float = 0.0
    q_weight: float = 0.5
    clip: float = 1.0  # of the gradient's norm; 0 does not clip
    muon_lr: float = 0.0  # for the matrices of the blocks; 0: AdamATan2 for everything
    muon_momentum: float = 0.95
    muon_iterations: int = 5
    muon_decay: float = 0.0
    adam_lr: float = 1e-4
    adam_decay: float = 1.0
    emb_lr: float = 1e-2  # puzzle embeddings
    emb_decay: float = 0.1
    ema: float = 0.999
    ema_from: int = 0  # step at which the average starts
    warmup: int = 2000
    schedule: str = "constant"  # or cosine, to 0
    tied: bool = False  # weights tied by the symmetries of the Sudoku
    chains: int = 1  # chains from as many latents; the best one is learned from
    givens: tuple = ()  # (share, most): that share of the puzzles gets up to so many further clues
    augmentations: int = 32  # arc: disguises of each task, the plain one included
    dtype: str = "bfloat16"  # of activations; weights are fp32
    seed: int = 0


_fast = Recipe(
    arch=Arch(H_cycles=6, L_cycles=9), batch=384, steps=8_000, loss="softmax", smoothing=0.2, q_weight=0.05, muon_lr=0.02,
    muon_momentum=0.6, muon_iterations=3, muon_decay=0.005, ema=0.9, ema_from=5_000, warmup=0, schedule="cosine",
)
_small = Arch(hidden_size=128, num_heads=2, inter_size=256, inter_tokens=128, H_cycles=1, L_cycles=3)

RECIPES = {
    "a": Recipe(arch=Arch(puzzle_emb_len=15, puzzle_emb_ndim=512)),
    "b": _fast,
    "c": dataclasses.replace(_fast, batch=192, chains=4, steps=20_000),
    "d": dataclasses.replace(
        _fast, arch=Arch(H_cycles=2, L_cycles=4), smoothing=0.0, q_weight=0.5, muon_momentum=0.9, muon_iterations=5,
        adam_lr=1e-3, adam_decay=0.1, ema=0.999, ema_from=0, warmup=100, tied=True,
    ),
    "cpu": Recipe(
        arch=_small, batch=64, steps=0, minutes=69, loss="softmax", muon_lr=0.02, muon_momentum=0.9, muon_decay=0.005,
        adam_lr=2e-3, adam_decay=0.1, ema=0.995, warmup=30, schedule="cosine", tied=True, givens=(0.5, 24), dtype="float32",
    ),
    "cover": Recipe(
        arch=Arch(hidden_size=64, num_heads=1, H_cycles=3, L_cycles=3, mlp_t=False, cover=True, inter_size=128, inter_units=64, init_noise=0.5),
        batch=256, micro=32, steps=0, minutes=600, halt="exact", keep=0.3, long=0.25, loss="softmax", q_weight=0.05, muon_lr=0.012,
        muon_momentum=0.9, muon_decay=0.005, adam_lr=2.4e-3, adam_decay=0.01, ema=0.995, warmup=50, schedule="cosine", givens=(0.5, 5), dtype="float32",
    ),
    "arc": Recipe(
        task="arc", batch=768, steps=65_000, muon_lr=0.01, adam_decay=0.1, schedule="cosine",  # with Adam's second moments the state is too big
        arch=Arch(vocab_size=12, seq_len=900, puzzle_emb_len=16, puzzle_emb_ndim=512, L_cycles=4, mlp_t=False, pos_encodings="rope"),
    ),
}


def changed(recipe, settings):
    """The recipe with FIELD=VALUE settings applied; a value is read as the type of the field's present one."""
    for setting in settings:
        name, _, text = setting.partition("=")
        inside = name.startswith("arch.")
        target, field = (recipe.arch, name[5:]) if inside else (recipe, name)
        if field not in {f.name for f in dataclasses.fields(target)} or field == "arch" or not text:
            raise SystemExit(f"--set {setting}: want FIELD=VALUE with a field of Recipe, or arch.FIELD with one of Arch")
        old = getattr(target, field)
        if isinstance(old, bool):
            value = text.lower() in ("1", "true", "yes")
        elif isinstance(old, tuple):
            value = tuple(float(v) for v in text.split(",") if v)
        else:
            value = type(old)(text)
        target = dataclasses.replace(target, **{field: value})
        recipe = dataclasses.replace(recipe, arch=target) if inside else target
    return recipe
