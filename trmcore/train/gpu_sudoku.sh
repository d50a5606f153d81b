#!/bin/sh
# Train a Sudoku model in stages of a few minutes, each of which resumes the one before:
#
#   trmcore/train/gpu_sudoku.sh [RECIPE] [MINUTES] [RUN]     (make train-sudoku RECIPE=b MINUTES=9)
#
# RECIPE is a, b, c, d or cpu; RUN a folder, runs/RECIPE by default; further arguments go to train.py. Run it again until it
# says that the schedule is over. It wants data/sudoku, which trmcore/train/prepare.sh makes.
set -eu
cd "$(dirname "$0")/../.."
recipe=${1:-b} minutes=${2:-9} run=${3:-runs/${1:-b}}
[ $# -gt 3 ] && shift 3 || set --
python=${PYTHON:-.cache/venv/bin/python} data=${DATA:-data/sudoku}
"$python" trmcore/train/train.py "$recipe" --minutes "$minutes" --out "$run" \
	--data "$data/given.csv=0.5" --data "$data/grown.csv=0.3" --data "$data/generated.csv=0.2" --held "$data/mix.csv" "$@"
"$python" trmcore/train/plot.py "$run/log.jsonl" -o "$run/curves.svg" --title "Recipe $recipe"
"$python" trmcore/train/verify.py "$run" "$data/mix.csv"
