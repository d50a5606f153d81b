#!/bin/sh
# Train a Sudoku model; run it again to go on where it stopped:
#
#   trmcore/train/sudoku.sh [RECIPE] [MINUTES] [RUN]     (make train-sudoku RECIPE=cover MINUTES=30)
#
# RECIPE is cover, for a CPU, or a, b, c or d, for a GPU; RUN a folder, runs/RECIPE by default; further arguments go to
# train.py. With cover the schedule is MINUTES long in all: the learning rate ends at zero there, and a later call with
# more minutes goes on from what was learned. It wants data/sudoku, which trmcore/train/prepare.sh makes; where that is
# missing, cover begins with puzzles of the generator.
set -eu
cd "$(dirname "$0")/../.."
recipe=${1:-cover} minutes=${2:-30} run=${3:-runs/${1:-cover}}
[ $# -gt 3 ] && shift 3 || set --
python=${PYTHON:-.cache/venv/bin/python} data=${DATA:-data/sudoku} trm=${TRM:-bin/trm}
if [ "$recipe" = cover ]; then
	set -- --threads 1 --save-minutes 10 --patience 6 --held-limit 128 --set "minutes=$minutes" "$@"
	if [ -s "$data/given.csv" ]; then
		set -- --data "$data/given.csv:5_=0.7" --data "$data/given.csv:2_=0.1" "$@"
		[ -s "$data/grown.csv" ] && set -- --data "$data/grown.csv=0.05" "$@"
	else
		mkdir -p "$data"
		[ -s "$data/mix.csv" ] || "$trm" data sudoku generate --seed 2 --count 200 -o "$data/mix.csv"
		[ -s "$data/generated.csv" ] || "$trm" data sudoku generate --seed 1 --count "${COUNT:-20000}" --exclude "$data/mix.csv" -o "$data/generated.csv"
		[ -s "$data/grown.csv" ] || "$trm" data sudoku generate --seed 3 --count "${GROWN:-2000}" --min-rating 11 --from "$data/generated.csv" --exclude "$data/mix.csv" -o "$data/grown.csv"
		set -- --data "$data/grown.csv=0.7" "$@"
	fi
	set -- --data "$data/generated.csv=0.2" "$@"
else
	set -- --data "$data/given.csv=0.5" --data "$data/grown.csv=0.3" --data "$data/generated.csv=0.2" "$@"
fi
"$python" trmcore/train/train.py "$recipe" --minutes "$minutes" --out "$run" --held "$data/mix.csv" "$@"
"$python" trmcore/train/plot.py "$run/log.jsonl" -o "$run/curves.svg" --title "Recipe $recipe"
if [ "$recipe" = cover ]; then # its first latents are drawn, so that two programs make different runs of a puzzle
	"$trm" bench sudoku "$data/mix.csv" --model "$run" --device cpu --rules 64 --limit 100
else
	"$python" trmcore/train/verify.py "$run" "$data/mix.csv"
fi
