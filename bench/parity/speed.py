"""Time supervision steps in PyTorch for bench/trm and bench/gpu, which ask one line at a time: `BATCH STEPS` -> seconds.
`gemm SIZE` -> seconds of one square matrix product in the same precision, the peak that this machine reaches.

    python bench/parity/speed.py MODEL [--device cpu|cuda] [--dtype float32|bfloat16|float16] [--tf32] [--threads N]
                                 [--cpu-time] [--compile]

PyTorch keeps its own threading: as many threads as it chooses for this machine, in one process that does nothing else.
Compiled on a GPU it also replays CUDA graphs (mode reduce-overhead), which is the fastest that it offers.
"""
import argparse
import sys
import time

import torch

from reference import load


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--tf32", action="store_true", help="let products of float32 use TF32")
    parser.add_argument("--threads", type=int, default=0, help="threads; 0 leaves PyTorch its own choice")
    parser.add_argument("--cpu-time", action="store_true", help="measure the process's processor time instead of the clock's")
    parser.add_argument("--compile", action="store_true", help="torch.compile the step")
    args = parser.parse_args()
    clock = time.process_time if args.cpu_time else time.perf_counter
    cuda = args.device == "cuda"
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.tf32:
        torch.set_float32_matmul_precision("high")
    wait = torch.cuda.synchronize if cuda else lambda: None
    dtype = getattr(torch, args.dtype)
    options = dict(device=args.device, dtype=dtype)

    def gemm(size, repeats=5):
        a, b = torch.randn(size, size, **options), torch.randn(size, size, **options)
        best = float("inf")
        for _ in range(repeats):
            wait()
            begin = time.perf_counter()
            a @ b
            wait()
            best = min(best, time.perf_counter() - begin)
        return best

    model, table = load(args.model)
    model = model.to(**options)
    for module in model.modules():  # plain tensors, which `to` does not move
        if hasattr(module, "cos"):
            module.cos, module.sin = module.cos.to(**options), module.sin.to(**options)
    step = torch.compile(model, mode="reduce-overhead" if cuda else None, dynamic=False) if args.compile else model
    where = torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} threads"
    print(f"torch {torch.__version__}, {where}, {'tf32' if args.tf32 else args.dtype}{', compiled' if args.compile else ''}", flush=True)
    for line in sys.stdin:
        if line.startswith("gemm"):
            print(gemm(int(line.split()[1])), flush=True)
            continue
        batch, steps = map(int, line.split())
        tokens = (torch.arange(batch * model.arch["seq_len"]).view(batch, -1) % model.arch["vocab_size"]).to(args.device)
        puzzle = None if table is None else table[:1].to(**options).expand(batch, -1)
        z_H, z_L = (z.to(**options) for z in model.begin(batch))
        with torch.inference_mode():
            wait()
            begin = clock()
            for _ in range(steps):
                if args.compile and cuda:  # what a recorded graph returns is overwritten by its next run
                    torch.compiler.cudagraph_mark_step_begin()
                logits, q, z_H, z_L = step(tokens, puzzle, z_H, z_L)
                if args.compile and cuda:
                    z_H, z_L = z_H.clone(), z_L.clone()
            logits, q = logits.cpu(), q.cpu()  # the answer, as ours gives it
            took = clock() - begin
        print(took, flush=True)


if __name__ == "__main__":
    main()
