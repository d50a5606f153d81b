"""Write the tiny models and what PyTorch computes with them: the golden files of trmcore/onnx's parity test.

    python bench/parity/golden.py trmcore/onnx/testdata [--check] [--seed N] [--full]

Weights are random but contractive (half the official initialisation or less): with the official one the recursion is chaotic,
and PyTorch in fp32 does not even agree with PyTorch in fp64 after 16 steps. With --check nothing is written: the golden
files are computed anew from the weights that are there and compared. With --full the models have the published sizes
instead, for `make parity`.
"""
import argparse
import hashlib
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file

from reference import load, make as build

STEPS, BATCH = 16, 3
COMMON = dict(hidden_size=32, num_heads=4, L_layers=2, H_cycles=3, rope_theta=10000.0, rms_norm_eps=1e-5, expansion=4.0, inter_size=48)
MODELS = {
    "mixer": dict(COMMON, task="sudoku", vocab_size=11, seq_len=16, puzzle_emb_len=0, puzzle_emb_ndim=0, L_cycles=6, mlp_t=True, inter_tokens=24, pos_encodings="none"),
    "mixer-prefix": dict(COMMON, task="sudoku", vocab_size=11, seq_len=16, puzzle_emb_len=3, puzzle_emb_ndim=40, L_cycles=6, mlp_t=True, inter_tokens=24, pos_encodings="none"),
    "attention": dict(COMMON, task="arc", vocab_size=12, seq_len=16, puzzle_emb_len=2, puzzle_emb_ndim=64, L_cycles=4, mlp_t=False, pos_encodings="rope"),
    "cover": dict(COMMON, task="sudoku", vocab_size=6, seq_len=16, puzzle_emb_len=0, puzzle_emb_ndim=0, L_cycles=3, mlp_t=False, cover=True, init_noise=0.5, inter_units=40, pos_encodings="none"),
    "grid": dict(COMMON, task="maze", vocab_size=6, seq_len=36, puzzle_emb_len=0, puzzle_emb_ndim=0, L_cycles=3, mlp_t=False, grid=True, inter_units=40, pos_encodings="none"),
    "attention-learned": dict(COMMON, task="maze", vocab_size=6, seq_len=16, puzzle_emb_len=0, puzzle_emb_ndim=0, L_cycles=4, mlp_t=False, pos_encodings="learned"),
}

FULL = dict(COMMON, task="sudoku", vocab_size=11, seq_len=81, puzzle_emb_len=16, puzzle_emb_ndim=512, hidden_size=512, num_heads=8, L_cycles=6, inter_size=1536)
FULL_MODELS = {
    "sudoku-cover": dict(COMMON, task="sudoku", vocab_size=11, seq_len=81, puzzle_emb_len=0, puzzle_emb_ndim=0, hidden_size=64, L_cycles=3, inter_size=128, mlp_t=False, cover=True, init_noise=0.5, inter_units=64, pos_encodings="none"),
    "sudoku-mixer": dict(FULL, mlp_t=True, inter_tokens=512, pos_encodings="none"),
    "sudoku-attention": dict(FULL, mlp_t=False, pos_encodings="rope"),
}


def randomise(model, contraction):
    with torch.no_grad():
        for name, p in sorted(list(model.named_parameters()) + list(model.named_buffers())):
            gain = 1.0 if p.dim() < 2 or name.startswith(("embed", "lm_head", "q_head")) else contraction
            p.normal_().mul_(gain / p.shape[-1] ** 0.5 if p.dim() == 2 else 1.0)


def trace(model, table, tokens, ids, z_L=None):
    """Logits and q of every step, [STEPS, BATCH, ...]. z_L is the first, if it has noise."""
    puzzle = None if table is None else table[ids]
    z_H, begin = model.begin(len(tokens))
    z_L = begin if z_L is None else z_L
    steps = []
    with torch.no_grad():
        for _ in range(STEPS):
            logits, q, z_H, z_L = model(tokens, puzzle, z_H, z_L)
            steps.append((logits, q))
    return torch.stack([s[0] for s in steps]), torch.stack([s[1] for s in steps])


def make(name, folder, arch, seed):
    arch = dict(arch)
    task = arch.pop("task")
    torch.manual_seed(seed + len(name))
    model = build(arch)
    randomise(model, 0.2 if arch.get("cover") else 0.5)  # four messages meet in a slot of the cover
    weights = {k: v.detach().clone().contiguous() for k, v in list(model.named_parameters()) + list(model.named_buffers())}
    if arch["puzzle_emb_len"]:
        weights["puzzle_emb.weights"] = torch.randn(2, arch["puzzle_emb_ndim"]) / arch["hidden_size"] ** 0.5
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "model.safetensors")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    card = dict(name="tiny-" + name, task=task, arch=arch, sha256=digest, licence="MIT", note="random contractive weights, for the parity test")
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")
    tokens = torch.randint(0, arch["vocab_size"], (BATCH, arch["seq_len"]))
    ids = torch.arange(BATCH) % 2
    model, table = load(folder)
    noise = {"z_L": model.begin(BATCH)[1]} if arch.get("cover") else {}
    logits, q = trace(model, table, tokens, ids, *noise.values())
    save_file({"tokens": tokens.float(), "ids": ids.float(), "logits": logits.contiguous(), "q": q.contiguous(), **noise}, folder / "golden.safetensors")


def check(name, folder, *_):
    golden = load_file(folder / "golden.safetensors")
    model, table = load(folder)
    logits, q = trace(model, table, golden["tokens"].long(), golden["ids"].long(), golden.get("z_L"))
    error = max((logits - golden["logits"]).abs().max().item(), (q - golden["q"]).abs().max().item())
    print(f"{name}: max |difference| to the golden file {error:.2e}")
    return error <= 1e-4


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="compare with the golden files instead of writing them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="this model alone")
    parser.add_argument("--full", action="store_true", help="models of the published sizes")
    args = parser.parse_args()
    torch.set_num_threads(1)
    models = FULL_MODELS if args.full else MODELS
    results = [(check if args.check else make)(name, args.folder / name, arch, args.seed) for name, arch in models.items() if args.only in (None, name)]
    if args.check and not all(results):
        sys.exit("the golden files are not what PyTorch computes")


if __name__ == "__main__":
    main()
