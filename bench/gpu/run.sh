#!/bin/sh
# Run the benchmark that pack.sh packed, in the folder that it was unpacked into. Arguments go to the program, such as
# -budget 9m; the same command goes on where it stopped.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python3}
# CUDA's libraries are looked for beside ONNX Runtime's as pip lays them out; PyTorch brought its own.
if [ ! -e ort/nvidia ]; then
	packages=$("$python" -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))')
	[ -d "$packages/nvidia" ] && ln -s "$packages/nvidia" ort/nvidia
fi
export TRM_ORT_LIBRARY="$PWD/ort"
./trm doctor || true
trained=
[ -d model ] && trained="-model model -data puzzles.csv"
./bench-gpu -python "$python" -script parity/speed.py "$@"
# The trained model for its answers; its speed is that of its size.
[ -z "$trained" ] || ./bench-gpu $trained -batches 64 -precisions fp16,fp32 -o trained.json "$@"
