"""A detector with a twelfth of the fleet is killed: how long until its partitions are judged again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kilowatch.lab.bench.pipeline.goals import GoalRow, at_most, printed
from kilowatch.lab.bench.pipeline.loads import EVERY_S, MILLION, details
from kilowatch.lab.bench.pipeline.run import PARTITIONS, Load
from kilowatch.links.kafka.settings import SESSION_MS

if TYPE_CHECKING:
    from kilowatch.lab.bench.pipeline.loads import Bench
    from kilowatch.lab.bench.pipeline.run import Measured, Stage

LIMIT_S = 10.0
OWN_S = 3.0
_SETTLED_S = 2.0


class Kill:
    """Kills the first detector, and notes when."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.held = 0

    def __call__(self, stage: Stage) -> None:
        """Do it, a while after the counting began."""
        time.sleep(_SETTLED_S)
        self.held = PARTITIONS // len(stage.workers)
        stage.workers[0].kill()
        stage.workers[0].wait()
        self.at_s = time.time()


def rows(bench: Bench) -> list[GoalRow]:
    """Kill one of twelve detectors, where the machine has the memory for so many."""
    kill = Kill()
    workers = PARTITIONS if bench.devices <= MILLION else 2
    load = Load(bench.devices, bench.rate(MILLION / EVERY_S), max(30.0, bench.seconds), workers=workers)
    run = bench.measured(load, kill)
    caught_up_s = caught_up(run, kill.at_s)
    # Without the wait until Kafka counts a silent member as dead: that is a setting, the rest is our work.
    ours_s = None if caught_up_s is None else max(0.0, caught_up_s - SESSION_MS / 1000)
    return [
        at_most("takeover_s", caught_up_s, "s", LIMIT_S),
        at_most("takeover_own_s", ours_s, "s", OWN_S),
        printed("takeover_partitions", float(kill.held), "partitions"),
        *details(run, "takeover"),
    ]


def caught_up(run: Measured, killed_s: float) -> float | None:
    """Return from the death until no more readings wait than usual did before it, s; None where that never came."""
    before = [sample.lag for sample in run.samples if sample.at_s < killed_s]
    # A second's readings at the least: commits come once a second, so up to as many wait at any time.
    usual = max([*before, run.load.rate])
    after = [sample for sample in run.samples if sample.at_s >= killed_s]
    worst = max(range(len(after)), key=lambda at: after[at].lag, default=None)
    if worst is None:
        return None
    # Only from the peak on: right after the death nothing waits yet, and that is no recovery.
    return next((sample.at_s - killed_s for sample in after[worst:] if sample.lag <= 1.5 * usual), None)
