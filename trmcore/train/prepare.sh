#!/bin/sh
# Make the Sudokus that training and its measurement read, in data/sudoku:
#
#   trmcore/train/prepare.sh [COUNT]      (make train-data; COUNT puzzles of each new kind, 50,000 by default)
#
# given.csv      the training puzzles in SUDOKU (train.csv there, ../shared/data/sudoku by default)
# grown.csv      hard ones of our own, grown from given.csv alone: clues dropped and put back while the rating rises
# generated.csv  fresh minimal ones
# mix.csv        what is measured: 27 % fresh minimal, 73 % hard of test.csv, see mix.py
#
# No training puzzle has an answer of test.csv or of mix.csv. Fresh puzzles and grown ones share no equivalent answer with them
# either, but by a chance of some 1e-5 each: there are 5.5e9 classes of answers.
set -eu
cd "$(dirname "$0")/../.."
count=${1:-50000} from=${SUDOKU:-../shared/data/sudoku} to=${DATA:-data/sudoku}
trm=${TRM:-bin/trm}
mkdir -p "$to"
[ -s "$to/easy.csv" ] || "$trm" data sudoku generate --seed 2 --count 2700 --exclude "$from/train.csv" --exclude "$from/test.csv" -o "$to/easy.csv"
[ -s "$to/mix.csv" ] || "${PYTHON:-python3}" trmcore/train/mix.py "$to/easy.csv" "$from/test.csv" "${MIX:-2000}" >"$to/mix.csv"
[ -s "$to/given.csv" ] || cp "$from/train.csv" "$to/given.csv"
[ -s "$to/generated.csv" ] || "$trm" data sudoku generate --seed 1 --count "$count" --exclude "$to/easy.csv" --exclude "$from/test.csv" -o "$to/generated.csv"
[ -s "$to/grown.csv" ] || "$trm" data sudoku generate --seed 3 --count "$count" --min-rating 11 --from "$to/given.csv" --exclude "$to/easy.csv" --exclude "$from/test.csv" -o "$to/grown.csv"
cat "$to/given.csv" "$to/grown.csv" "$to/generated.csv" | grep -c '^[0-9a-z_+]*,[.0-9]\{81\}' | sed 's/$/ training puzzles/'
