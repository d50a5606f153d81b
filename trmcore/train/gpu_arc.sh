#!/bin/sh
# Train the ARC model in stages of a few minutes, each of which resumes the one before, and score it after each:
#
#   trmcore/train/gpu_arc.sh [MINUTES] [RUN]      (make train-arc MINUTES=9)
#
# ARC names the folder with the challenges, ../shared/data/arc by default; further arguments go to train.py.
set -eu
cd "$(dirname "$0")/../.."
minutes=${1:-9} run=${2:-runs/arc}
[ $# -gt 2 ] && shift 2 || set --
python=${PYTHON:-.cache/venv/bin/python} arc=${ARC:-../shared/data/arc}/arc-agi
"$python" trmcore/train/train.py arc --minutes "$minutes" --out "$run" \
	--data "${arc}_training_challenges.json=${arc}_training_solutions.json" --data "${arc}_concept_challenges.json=${arc}_concept_solutions.json" \
	--evaluate "${arc}_evaluation_challenges.json" "$@"
"$python" trmcore/train/plot.py "$run/log.jsonl" -o "$run/curves.svg" --title "ARC"
"$python" trmcore/train/arc_eval.py "$run" "${arc}_evaluation_challenges.json" --solutions "${arc}_evaluation_solutions_dev.json" \
	-o "$run/submission.json" --limit "${LIMIT:-0}" | tee -a "$run/scores.jsonl"
