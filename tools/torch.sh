#!/bin/sh
# Put PyTorch into a virtual environment: tools/torch.sh .cache/venv
#
# The wheel for Linux is linked against NVIDIA's libraries, 3 GB that a machine without their GPU has no use for; but it
# does not load without them. Without a GPU they are left out, and empty stand-ins satisfy the loader: none of their
# functions is ever called on a CPU.
set -eu
here=$(dirname "$0")
venv=$1
[ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import torch, safetensors, numpy, pytest' 2>/dev/null && exit 0
python3 -m venv "$venv"
pip="$venv/bin/python -m pip install -q --disable-pip-version-check"
requirements=$here/../bench/parity/requirements.txt
if command -v nvidia-smi >/dev/null; then
	$pip -r "$requirements" pytest==9.2.0
	exit
fi
$pip $(grep -v '^torch==' "$requirements") pytest==9.2.0 filelock sympy networkx jinja2 fsspec typing_extensions setuptools
if [ "$(uname -sm)" = "Linux x86_64" ]; then
	$pip --no-deps nvidia-cuda-runtime-cu12==12.8.90 # 1 MB, and some of it is called
fi
$pip --no-deps "$(grep '^torch==' "$requirements")"
lib=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/torch/lib
if [ -e "$lib/libtorch_cuda.so" ] && ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
	work=$(mktemp -d)
	trap 'rm -r "$work"' EXIT
	# What the libraries want from NVIDIA's, by name: defined once, each a function that returns an error.
	for so in "$lib"/libtorch*.so; do nm -D --undefined-only "$so"; done | awk '{ sub(/@.*/, "", $2); print $2 }' |
		grep -E '^(nvshmem|cublas|cudnn|cufft|cusparse|nccl|curand|cuFile|cupti|cusolver)' | sort -u |
		sed 's/.*/int &(void) { return 1; }/' >"$work/none.c"
	cc -shared -fPIC -nostdlib -o "$lib/libnone.so" -Wl,-soname,libnone.so "$work/none.c"
	for so in "$lib"/libtorch*.so; do readelf -d "$so"; done | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort -u |
		grep -E '^lib(nvshmem|cublas|cudnn|cufft|cusparse|nccl|curand|cufile|cupti|cusolver)' | while read -r name; do
		cc -shared -nostdlib -o "$lib/$name" "-Wl,-soname,$name" -Wl,--no-as-needed "-L$lib" -lnone '-Wl,-rpath,$ORIGIN' -x c /dev/null
	done
fi
"$venv/bin/python" -c 'import torch'
