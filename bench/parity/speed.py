"""Time supervision steps in PyTorch for bench/trm, which asks one line at a time: `BATCH STEPS` -> seconds.
`gemm SIZE` -> seconds of one square fp32 matrix product, the peak that this machine reaches.

    python bench/parity/speed.py MODEL [--dtype float32|bfloat16] [--threads N] [--compile]

PyTorch keeps its own threading: as many threads as it chooses for this machine, in one process that does nothing else.
"""
import argparse
import sys
import time

import torch

from reference import load


def gemm(size, repeats=5):
    a, b = torch.randn(size, size), torch.randn(size, size)
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - begin)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=0, help="threads; 0 leaves PyTorch its own choice")
    parser.add_argument("--compile", action="store_true", help="torch.compile the step")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    model, table = load(args.model)
    dtype = getattr(torch, args.dtype)
    model = model.to(dtype)
    step = torch.compile(model) if args.compile else model
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {args.dtype}{', compiled' if args.compile else ''}", flush=True)
    for line in sys.stdin:
        if line.startswith("gemm"):
            print(gemm(int(line.split()[1])), flush=True)
            continue
        batch, steps = map(int, line.split())
        tokens = torch.arange(batch * model.arch["seq_len"]).view(batch, -1) % model.arch["vocab_size"]
        puzzle = None if table is None else table[:1].to(dtype).expand(batch, -1)
        z_H, z_L = (z.to(dtype) for z in model.begin(batch))
        with torch.inference_mode():
            begin = time.perf_counter()
            for _ in range(steps):
                logits, q, z_H, z_L = step(tokens, puzzle, z_H, z_L)
            took = time.perf_counter() - begin
        print(took, flush=True)


if __name__ == "__main__":
    main()
