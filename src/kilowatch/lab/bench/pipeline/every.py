"""A network's verdict on every reading: needs the detector that asks networks, and a model for it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from kilowatch.lab.bench.pipeline.goals import GoalRow, at_least, at_most, printed, skipped
from kilowatch.lab.bench.pipeline.loads import EVERY_S, MILLION, details, lag_rows, percentile
from kilowatch.lab.bench.pipeline.run import Load

if TYPE_CHECKING:
    from kilowatch.lab.bench.pipeline.loads import Bench


def rows(bench: Bench) -> list[GoalRow]:
    """Judge every reading of a million meters at 30 s by the model that was named."""
    if bench.model is None:
        return [skipped("every", "name a model that takes windows of 200 samples: --model classifier:PATH")]
    if find_spec("kilowatch.detectors.network") is None:
        return [skipped("every", "this kilowatch has no detector that asks networks")]
    rate = bench.rate(MILLION / EVERY_S)
    run = bench.measured(Load(bench.devices, rate, bench.seconds, detector=bench.model))
    judged = run.readings / run.seconds
    return [
        at_least("every_readings_per_s", judged, "1/s", 0.99 * rate),
        at_most("every_p99_ms", percentile(run, 99), "ms", 1000.0),
        printed("network_windows_per_s", judged, "1/s"),
        *lag_rows(run, "every_"),
        *details(run, "every"),
    ]
