"""The whole product on one device's course: learning and learning anew as it does, incidents, policy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.replay import replay
from kilowatch.core.device import Fleet
from kilowatch.core.learning import LearningPlan
from kilowatch.core.reading import ReadingBatch
from kilowatch.detectors.cold_start import ColdStart
from kilowatch.lab.measure import Rate, declustered
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from kilowatch.app.advisor import Advisor
    from kilowatch.app.replay import ReplayOutcome
    from kilowatch.core.detector import Detector
    from kilowatch.core.device import DeviceRecord
    from kilowatch.lab.inject import Trace
    from kilowatch.lab.suites.front import Course

DAY_MS = 86_400_000
DRIFT_AFTER_MS = DAY_MS
"""The drift begins a day after the test does, and is complete a day later."""

DRIFT_GAIN = 0.3
SETTLED_MS = 3 * DAY_MS
"""Alarms count from three days after the drift is complete."""


def run_product(
    detector: Detector, record: DeviceRecord, trace: Trace, plan: LearningPlan, advisor: Advisor | None = None
) -> ReplayOutcome:
    """Return what the product makes of a trace from its first reading on."""
    pipeline = Pipeline(Fleet([record]), detector, MemoryHistory(), PipelineSettings(plan=plan), advisor)
    known = np.isfinite(trace.power_w)
    slot = np.zeros(int(known.sum()), dtype=np.int32)
    batch = ReadingBatch(slot, trace.ts_ms[known], trace.power_w[known])
    return replay(pipeline, [batch], lambda batch, result: None)  # noqa: ARG005 - nobody looks on


def alarms_after_drift(detector: Detector, history: Course, clean: Course) -> Rate:
    """Return alarms from three days after a device has come to draw 30 % more for good: nothing else is odd by then."""
    before, after = history.trace, clean.trace
    split_ms, end_ms = int(after.ts_ms[0]), after.end_ms
    complete_ms = split_ms + DRIFT_AFTER_MS + DAY_MS
    growing = np.clip((after.ts_ms - split_ms - DRIFT_AFTER_MS) / DAY_MS, 0.0, 1.0)
    changed = after.power_w * (1 + DRIFT_GAIN * growing)
    trace = replace(
        after,
        ts_ms=np.concatenate([before.ts_ms, after.ts_ms]),
        power_w=np.concatenate([before.power_w, changed]),
    )
    plan = LearningPlan(learning_days=(split_ms - int(before.ts_ms[0])) / DAY_MS)
    outcome = run_product(detector, history.record, trace, plan)
    from_ms = complete_ms + SETTLED_MS
    # As `watched_alarms` counts: what the cold start finds was asked for by no rate.
    opened = [e.opened_ms for e in outcome.alarms if e.told.rule != ColdStart.name and from_ms <= e.opened_ms < end_ms]
    watched_ms = int((after.ts_ms >= from_ms).sum()) * after.interval_ms if outcome.tally.device_weeks else 0
    return Rate.over(len(declustered(np.array(opened, dtype=np.int64))), watched_ms)
