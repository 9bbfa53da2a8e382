"""One row for a small board, without any training library: `python -m kilowatch.lab.bench.edge_board`.

It times the classifier that ships, from raw watts to verdict, and prints the row for the table in docs/models.md.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.lab.bench.edge_start import start
from kilowatch.lab.bench.machine import machine
from kilowatch.nets.runtime import Model
from kilowatch.nets.shipped import path_of

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "fridge-classifier"
TITLES = ("board", "one window, p50", "p99", "one of 600 at once", "first verdict", "memory")
_CALLS, _BATCHES, _STARTS = 2000, 10, 5
_WINDOWS = 600


def row(calls: int = _CALLS, batches: int = _BATCHES, starts: int = _STARTS) -> list[str]:
    """Return the cells of this machine's row; one thread, on one core where the system lets us choose."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    model = Model.load(path_of(NAME))
    windows = np.random.default_rng(0).uniform(0, 120, (_WINDOWS, model.window)).astype(np.float32)
    one_us = _taken_us(lambda: model.verdict(windows[0]), calls)
    batch_us = _taken_us(lambda: model.score(windows), batches)
    seconds, memory_mb = _fresh(windows, starts)
    return [
        machine(),
        f"{np.median(one_us):.0f} us",
        f"{np.percentile(one_us, 99):.0f} us",
        f"{np.median(batch_us) / _WINDOWS:.0f} us",
        f"{seconds:.2f} s",
        f"{memory_mb:.0f} MB",
    ]


def _fresh(windows: np.ndarray, starts: int) -> tuple[float, float]:
    """Return medians of seconds and megabytes of processes that give one verdict and end."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "window.csv"
        np.savetxt(path, windows[0], fmt="%.2f")
        words = [sys.executable, "-m", "kilowatch.nets.runtime", str(path_of(NAME)), str(path)]
        found = [start(words, "kilowatch") for _ in range(starts)]
    return float(np.median([one.seconds for one in found])), float(np.median([one.rss_mb for one in found]))


def _taken_us(work: Callable[[], object], calls: int) -> list[float]:
    # The first call loads and allocates: that is told apart, by processes that give one verdict.
    work()
    taken = []
    for _ in range(calls):
        began = time.perf_counter_ns()
        work()
        taken.append((time.perf_counter_ns() - began) / 1000)
    return taken


if __name__ == "__main__":
    sys.stdout.write("".join(f"| {' | '.join(line)} |\n" for line in (TITLES, ["---"] * len(TITLES), row())))
