"""The training is a folder of modules, not a package: tests find it, and the reference of bench/parity, by their paths."""
import pathlib
import subprocess
import sys

import pytest
import torch

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "trmcore" / "train"), str(ROOT / "bench" / "parity")]
torch.set_num_threads(1)  # of one thread sums have one order


@pytest.fixture(scope="session")
def trm(tmp_path_factory):
    """The trm command, built from this checkout."""
    path = tmp_path_factory.mktemp("bin") / "trm"
    subprocess.run(["go", "build", "-o", path, "./cmd/trm"], cwd=ROOT, check=True)
    return path


@pytest.fixture(scope="session")
def easy(trm, tmp_path_factory):
    """64 puzzles that singles solve, with 40 clues or a few more."""
    path = tmp_path_factory.mktemp("data") / "easy.csv"
    subprocess.run([trm, "data", "sudoku", "generate", "--count", "64", "--min-clues", "40", "--max-clues", "44", "--max-rating", "0", "--seed", "7", "-o", path], check=True)
    return path
