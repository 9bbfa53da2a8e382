"""A network's verdicts in the flow: on every reading, and beside the fleet's detector on every twentieth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.detectors.network import STRIDES
from kilowatch.lab.bench.pipeline.goals import GoalRow, at_least, at_most, printed, skipped
from kilowatch.lab.bench.pipeline.loads import EVERY_S, MILLION, SUSTAINED_PER_S, details, lag_rows, percentile
from kilowatch.lab.bench.pipeline.run import Load
from kilowatch.lab.bench.pipeline.seasoned import EVERY_STEP
from kilowatch.nets.card import Network

if TYPE_CHECKING:
    from kilowatch.lab.bench.pipeline.loads import Bench
    from kilowatch.lab.bench.pipeline.run import Measured


def rows(bench: Bench) -> list[GoalRow]:
    """Judge a million meters by the edge paper's network, as the model that was named has it."""
    if bench.model is None:
        return [skipped("every", "name a model of the edge classifier: --model PATH")]
    return [*_each(bench, bench.model), *_twentieth(bench, bench.model)]


def _each(bench: Bench, model: str) -> list[GoalRow]:
    """Every reading of the fleet at 30 s."""
    rate = bench.rate(MILLION / EVERY_S)
    run = bench.measured(
        Load(bench.devices, rate, bench.seconds, detector=f"{EVERY_STEP}{Network.EDGE_CLASSIFIER}:{model}")
    )
    judged = run.readings / run.seconds
    goals = [
        at_least("every_readings_per_s", judged, "1/s", 0.99 * rate),
        at_most("every_p99_ms", percentile(run, 99), "ms", 1000.0),
        printed("every_windows_per_s", judged, "1/s"),
        *lag_rows(run, "every_"),
    ]
    return _with_details(goals, run, "every")


def _twentieth(bench: Bench, model: str) -> list[GoalRow]:
    """The highest flow, with the network at its usual stride as one more member of the fleet's ensemble."""
    rate = bench.rate(SUSTAINED_PER_S)
    run = bench.measured(Load(bench.devices, rate, bench.seconds, detector=f"fleet+{Network.EDGE_CLASSIFIER}:{model}"))
    judged = run.readings / run.seconds
    goals = [
        at_least("network_readings_per_s", judged, "1/s", 0.99 * rate),
        at_most("network_p99_ms", percentile(run, 99), "ms", 1000.0),
        printed("network_windows_per_s", judged / STRIDES[Network.EDGE_CLASSIFIER], "1/s"),
        *lag_rows(run, "network_"),
    ]
    return _with_details(goals, run, "network")


def _with_details(goals: list[GoalRow], run: Measured, name: str) -> list[GoalRow]:
    """Return the rows with a goal and the details that are not among them: a name stands once."""
    known = {row.name for row in goals}
    return goals + [row for row in details(run, name) if row.name not in known]
