"""A set of Sudokus as hard as Sudoku-Extreme, whose puzzles these are not, on the standard output:

    python mix.py EASY.csv HARD.csv COUNT

27 % are of EASY (fresh minimal puzzles) and 73 % of HARD (the forum's list of the hardest). That list alone is harder than
Sudoku-Extreme, so a hard puzzle is drawn with probability exp(-.0017 rating): .01 of the published rating, which counts
another solver's guesses, 34 on average over the list where ours counts 204.
"""
import csv
import math
import random
import sys

EASY, TILT, SOURCE = 0.27, 0.0017, "5_forum_hardest_1905_11+"


def main():
    easy, hard, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    rng = random.Random(1)
    mixed = rng.sample(list(csv.DictReader(open(easy, newline=""))), round(EASY * count))
    hardest = [row for row in csv.DictReader(open(hard, newline="")) if row["source"] == SOURCE]
    # Without replacement: the largest of log(u) / weight (Efraimidis and Spirakis 2006).
    hardest.sort(key=lambda row: math.log(rng.random()) / math.exp(-TILT * float(row["rating"])), reverse=True)
    mixed += hardest[: count - len(mixed)]
    rng.shuffle(mixed)
    writer = csv.DictWriter(sys.stdout, ["source", "question", "answer", "rating"], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(mixed)


if __name__ == "__main__":
    main()
