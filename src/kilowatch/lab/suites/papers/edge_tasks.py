"""One classifier trained and tested, for the pool: on a pair of meters, or on injections of which one is unseen."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.outputs_papers import WindowRow
from kilowatch.lab.measure.confusion import Confusion
from kilowatch.lab.suites.papers.classify import network, trees
from kilowatch.lab.suites.papers.improved import improved
from kilowatch.lab.suites.papers.injected import injected_trial
from kilowatch.lab.suites.papers.ledger import Ledger
from kilowatch.lab.suites.papers.meters import Pair, Split, is_idle, readings, trial

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kilowatch.lab.suites.papers.classify import Judged
    from kilowatch.lab.suites.papers.injected import Unseen
    from kilowatch.lab.suites.papers.meters import Trial

NETWORK, TREES, IMPROVED = "conv-lstm", "boosted trees", "improved recipe"
ODD = 0.5
FALL_OUT = 0.01
"""Share of normal validation windows that the threshold of an injected protocol flags."""


@dataclass(frozen=True, slots=True)
class EdgeTask:
    """What to train on: a pair split in one way, or all meters with one type of injection left out.

    improved: train the improved recipe alone; network and trees are another task's.
    """

    subject: Pair | Unseen
    split: Split | None
    seed: int
    epochs: int
    results: Path
    improved: bool = False

    @property
    def key(self) -> str:
        """Everything that decides the result."""
        protocol = self.split if isinstance(self.subject, Pair) else self.subject.protocol
        recipe = f"{IMPROVED}; " if self.improved else ""
        return f"{recipe}{protocol}; {self.subject.name}; seed {self.seed}; {self.epochs} epochs"


def run_edge(task: EdgeTask) -> list[WindowRow]:
    """Return the rows of a task, and keep them in the file of results."""
    rows = _pair_rows(task, task.subject) if isinstance(task.subject, Pair) else _unseen_rows(task, task.subject)
    Ledger(task.results, WindowRow).add(task.key, rows)
    return rows


def _pair_rows(task: EdgeTask, pair: Pair) -> list[WindowRow]:
    normal_w, abnormal_w = readings(pair.normal), readings(pair.abnormal)
    windows = trial(normal_w, abnormal_w, task.split or Split.PAPER, task.seed)
    idle = is_idle(normal_w) or is_idle(abnormal_w)
    return _rows(task, windows, str(task.split), idle=idle, at=None)


def _unseen_rows(task: EdgeTask, unseen: Unseen) -> list[WindowRow]:
    return _rows(task, injected_trial(unseen, task.seed), unseen.protocol, idle=False, at=FALL_OUT)


def _rows(task: EdgeTask, windows: Trial, protocol: str, *, idle: bool, at: float | None) -> list[WindowRow]:
    rows = []
    for name in (IMPROVED,) if task.improved else (NETWORK, TREES):
        started = time.perf_counter()
        said = _trained(name, windows, task)
        seconds = time.perf_counter() - started
        level = ODD if at is None else _threshold(said, windows, at)
        counts = Confusion.of(said.test >= level, windows.test.label)
        rows.append(
            WindowRow(
                protocol=protocol,
                model=name,
                subject=task.subject.name,
                seed=task.seed,
                idle=idle,
                true_positive=counts.true_positive,
                false_negative=counts.false_negative,
                false_positive=counts.false_positive,
                true_negative=counts.true_negative,
                train_accuracy=said.train_accuracy,
                validation_accuracy=said.validation_accuracy,
                best_epoch=said.best_epoch,
                seconds=round(seconds, 2),
            )
        )
    return rows


def _trained(name: str, windows: Trial, task: EdgeTask) -> Judged:
    if name == TREES:
        return trees(windows, task.seed)
    return (improved if name == IMPROVED else network)(windows, task.epochs, task.seed)


def _threshold(said: Judged, windows: Trial, fall_out: float) -> float:
    """Return the probability that so many normal validation windows exceed; no test window is looked at."""
    normal: NDArray[np.float32] = said.validation[windows.validation.label == 0]
    # Just above the quantile: a window at the threshold is flagged, and many normal ones may tie there.
    return float(np.nextafter(np.quantile(normal, 1 - fall_out), np.inf))
