"""One, two and four detectors in one group: how much they judge, how long partitions take to move, nothing lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kilowatch.lab.bench.pipeline.goals import GoalRow, at_most, printed
from kilowatch.lab.bench.pipeline.loads import SUSTAINED_PER_S
from kilowatch.lab.bench.pipeline.run import Load

if TYPE_CHECKING:
    from kilowatch.lab.bench.pipeline.loads import Bench
    from kilowatch.lab.bench.pipeline.run import Measured, Stage

PROCESSES = (1, 2, 4)
_SETTLED_S = 2.0
_LEAST_S = 40.0
"""Processes that join start, take over and then have to be seen at work."""


class Growth:
    """Doubles the detectors while readings flow. shared_s: from their start until each process holds its share."""

    def __init__(self) -> None:
        self.done_s = 0.0
        self.shared_s = 0.0

    def __call__(self, stage: Stage) -> None:
        """Do it, a while after the counting began."""
        time.sleep(_SETTLED_S)
        began_s = time.time()
        for _ in range(len(stage.workers)):
            stage.start_worker()
        stage.await_workers()
        self.done_s = time.time()
        self.shared_s = self.done_s - began_s


def rows(bench: Bench) -> list[GoalRow]:
    """Offer each number of processes what two are asked for; those of two and four join while readings flow."""
    rate = bench.rate(SUSTAINED_PER_S)
    found = [printed("scale_offered_per_s", rate, "1/s")]
    for count in PROCESSES:
        growth = Growth()
        load = Load(bench.devices, rate, max(_LEAST_S, bench.seconds), workers=max(1, count // 2))
        run = bench.measured(load, growth if count > 1 else None)
        found += [
            printed(f"scale_{count}_readings_per_s", rate_since(run, growth.done_s), "1/s"),
            *([printed(f"scale_{count}_rebalance_s", growth.shared_s, "s")] if count > 1 else []),
            printed(f"scale_{count}_lag_end", float(run.samples[-1].lag), "readings"),
            at_most(f"scale_{count}_not_judged", float(run.lost), "readings", 0.0),
        ]
    return found


def rate_since(run: Measured, from_s: float) -> float | None:
    """Return the readings a second that were done with from a time on; None where nothing was seen after it."""
    after = [sample for sample in run.samples if sample.at_s >= from_s]
    if len(after) < 2:
        return None
    return (after[-1].done - after[0].done) / (after[-1].at_s - after[0].at_s)
