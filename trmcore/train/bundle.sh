#!/bin/sh
# Make a run's averaged weights the bundled Sudoku model, with a card that was measured:
#
#   trmcore/train/bundle.sh RUN puzzles.csv [LIMIT]
#
# Fields of the card that are not measured are those of FIELDS (trmcore/train/cover.json), and the halting logit is lowered by
# Q_MARGIN (4). RUN is a folder with state/; LIMIT puzzles of each source of puzzles.csv (200) are solved in each way, see card.py.
set -eu
cd "$(dirname "$0")/../.."
run=$1 puzzles=$2 limit=${3:-200}
python=${PYTHON:-.cache/venv/bin/python} trm=${TRM:-bin/trm} to=trmcore/models/weights/sudoku fields=${FIELDS:-trmcore/train/cover.json}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" trmcore/train/export.py "$run" -o "$work" --card "$fields" --q-margin "${Q_MARGIN:-4}"
"$python" trmcore/train/card.py "$work" "$puzzles" --limit "$limit" --steps "${STEPS:-256}" --retries "${RETRIES:-16}" --threads "${THREADS:-0}" --fields "$fields" --trm "$trm"
cp "$work/model.safetensors" "$work/card.json" "$to/"
go test ./trmcore/models
