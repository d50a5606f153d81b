#!/bin/sh
# Pack the GPU benchmark for a machine that has a GPU and PyTorch, but neither Go nor a network: the programs, ONNX
# Runtime with its CUDA provider, the bundled model and a few puzzles, as parts that can be carried there one by one.
#
#   sh bench/gpu/pack.sh OUT [MIB]      parts of at most MIB mebibytes, 55 unless told
#
# There, with all parts in one folder:  cat gpu.tar.* | tar xJ && sh run.sh
# CUDA's own libraries come from PyTorch's packages, so its CUDA must be of the version that is packed here (13).
set -eu
out=$1 mib=${2:-55}
mkdir -p "$out" && out=$(cd "$out" && pwd)
stage=$(mktemp -d)
trap 'rm -r "$stage"' EXIT
go build -o "$stage/" ./cmd/trm
go -C bench build -o "$stage/" ./gpu
mv "$stage/gpu" "$stage/bench-gpu"
mkdir -p "$stage/parity" "$stage/ort/onnxruntime/capi"
cp bench/parity/speed.py bench/parity/reference.py "$stage/parity/"
cp bench/gpu/run.sh "$stage/"
if ls trmcore/models/weights/*/card.json >/dev/null 2>&1; then
	cp -r "$(dirname "$(ls trmcore/models/weights/*/card.json | head -n 1)")" "$stage/model"
	"$stage/trm" data sudoku generate -n 200 --seed 2026 --min-clues 26 --max-clues 40 -o "$stage/puzzles.csv"
fi
library=$("$stage/trm" runtime install --cuda=13)
for name in "$(basename "$library")" libonnxruntime_providers_shared.so libonnxruntime_providers_cuda.so; do
	cp "$(dirname "$library")/$name" "$stage/ort/onnxruntime/capi/"
done
rm -f "$out"/gpu.tar.*
(cd "$stage" && tar c .) | xz -T0 -1 | split -b "${mib}m" - "$out/gpu.tar."
ls -l "$out"
