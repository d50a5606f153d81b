"""The passes of the cover network in C++ (kernel.cpp), as a function that PyTorch can differentiate.

Built on first use into ~/.cache/refiner, where g++ and a processor with AMX in bf16 are found; elsewhere `attach` returns
False and cover.py's own passes stay. Products are in bf16, so gradients differ from fp32's by about a thousandth.
"""
import ctypes
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import torch

SOURCE = pathlib.Path(__file__).with_name("kernel.cpp")
EXAMPLES = 32  # that a call takes together
FLAGS = ["-std=c++17", "-O3", "-march=sapphirerapids", "-ffast-math", "-shared", "-fPIC"]
PARTS = ("line", "box", "cell", "mlp")
_pointer = ctypes.c_void_p


def missing(cpuinfo="/proc/cpuinfo"):
    """What this machine lacks for the kernel, or None."""
    try:
        flags = pathlib.Path(cpuinfo).read_text()
    except OSError:
        return "Linux"
    if not {"amx_bf16", "amx_tile", "avx512_bf16"} <= set(flags.split()):
        return "a processor with AMX in bf16"
    return None if shutil.which("g++") else "g++"


def library(arch):
    """The compiled kernel for these sizes. Raises OSError or CalledProcessError if it cannot be had."""
    sizes = {"WIDTH": arch.hidden_size, "INTER": arch.inter_size, "UNITS": arch.inter_units}
    if any(v % 32 for v in sizes.values()):
        raise OSError(f"{sizes}: the kernel takes multiples of 32")
    defines = [f"-D{name}={value}" for name, value in sizes.items()]
    digest = hashlib.sha256(SOURCE.read_bytes() + repr(FLAGS + defines).encode()).hexdigest()[:16]
    folder = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "refiner"
    path = folder / f"kernel-{digest}.so"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            made = pathlib.Path(work) / "kernel.so"
            subprocess.run(["g++", *FLAGS, *defines, "-o", str(made), str(SOURCE)], check=True, capture_output=True)
            made.rename(path)
    lib = ctypes.CDLL(str(path))
    lib.kernel_new.restype = _pointer
    lib.kernel_new.argtypes = [ctypes.c_int] * 3
    for name, count in (("weights", 2), ("gradients", 2), ("forward", 5), ("backward", 4)):
        getattr(lib, f"kernel_{name}").argtypes = [_pointer] * count
        getattr(lib, f"kernel_{name}").restype = None
    if lib.kernel_start():
        raise OSError("the system grants no AMX tiles")
    return lib


def inward(state):
    """[729, B, D] -> [729, D, 32], as the kernel wants it, with zeros for the examples that are missing."""
    out = state.new_zeros(len(state), state.shape[2], EXAMPLES)
    out[..., : state.shape[1]] = state.transpose(1, 2)
    return out


def outward(state, batch):
    return state[..., :batch].transpose(1, 2).contiguous()


class Kernel:
    """The passes of one model. Weights are read anew whenever an optimiser has changed them."""

    def __init__(self, model):
        self.lib, arch = library(model.arch), model.arch
        self.weights = [getattr(getattr(layer, part), name).weight for layer in model.L_level.layers for part in PARTS for name in ("gate_up_proj", "down_proj")]
        self.net = self.lib.kernel_new(arch.L_layers, arch.H_cycles, arch.L_cycles)

    def pointers(self, tensors):
        return (_pointer * len(tensors))(*[t.data_ptr() for t in tensors])

    def passes(self, z_H, z_L, codes, embedding):
        """As CoverTRM.passes, for up to 32 examples."""
        return Passes.apply(self, z_H, z_L, codes, embedding, *self.weights)


class Passes(torch.autograd.Function):
    """Parameters are contiguous fp32 on the CPU; a pointer's tensor must outlive the call that it is given to."""

    @staticmethod
    def forward(ctx, kernel, z_H, z_L, codes, embedding, *weights):
        batch = z_H.shape[1]
        z_H, z_L = inward(z_H), inward(z_L)
        padded = torch.zeros(len(codes), EXAMPLES, dtype=torch.uint8)
        padded[:, :batch] = codes
        kernel.lib.kernel_weights(kernel.net, kernel.pointers(weights))
        kernel.lib.kernel_forward(kernel.net, z_H.data_ptr(), z_L.data_ptr(), padded.data_ptr(), embedding.data_ptr())
        ctx.kernel, ctx.codes, ctx.batch, ctx.shapes = kernel, padded, batch, [w.shape for w in weights]
        out_L = outward(z_L, batch)
        ctx.mark_non_differentiable(out_L)
        return outward(z_H, batch), out_L

    @staticmethod
    def backward(ctx, d_z_H, _):
        kernel, d_embedding, d_z_H = ctx.kernel, torch.zeros(3, d_z_H.shape[2]), inward(d_z_H)
        kernel.lib.kernel_backward(kernel.net, d_z_H.data_ptr(), ctx.codes.data_ptr(), d_embedding.data_ptr())
        gradients = [torch.empty(shape) for shape in ctx.shapes]
        kernel.lib.kernel_gradients(kernel.net, kernel.pointers(gradients))
        return None, None, None, None, d_embedding, *gradients


def attach(model):
    """Gives a model the kernel. Returns None, or why it cannot have it."""
    lacking = missing()
    if lacking:
        return f"needs {lacking}"
    try:
        model.kernel = Kernel(model)
    except (OSError, subprocess.CalledProcessError) as err:
        return str(getattr(err, "stderr", b"") or err)[:500]
    return None
