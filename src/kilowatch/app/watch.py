"""The library in one call: arrays in, verdicts and incidents out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.replay import replay
from kilowatch.app.trace import TraceRecorder
from kilowatch.core.device import Fleet, Kind, first_seen
from kilowatch.core.learning import LearningPlan
from kilowatch.core.reading import ReadingBatch
from kilowatch.detectors.registry import create
from kilowatch.errors import ConfigError
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from kilowatch.core.events import IncidentEvent

_BATCH = 65_536


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was said of one device: rows on its grid, and its incidents, each as it stood when it was oddest.

    ts_ms int64[n] · power_w, score, expected_low_w, expected_high_w float32[n], NaN where nothing can be said.
    """

    ts_ms: NDArray[np.int64]
    power_w: NDArray[np.float32]
    score: NDArray[np.float32]
    expected_low_w: NDArray[np.float32]
    expected_high_w: NDArray[np.float32]
    incidents: list[IncidentEvent]


def watch(
    ts_ms: ArrayLike,
    power_w: ArrayLike,
    *,
    kind: str = "unknown",
    time_zone: str = "UTC",
    interval_s: float | None = None,
    alarms_per_week: float = 1.0,
    learning_days: float = 7.0,
    detector: str = "default",
) -> Verdicts:
    """Return what kilowatch says of one device's readings, each judged from those before it alone.

    ts_ms: [n] ms UTC, or datetime64 (as a DataFrame's column gives it). power_w: [n] watts. interval_s: how often the
    device speaks; the median step where None. `ConfigError` for lengths that differ, or a kind that is not known.
    """
    times, watts = _columns(ts_ms, power_w)
    if kind not in list(Kind):
        raise ConfigError(f"Kind {kind!r} is not known.", f"One of: {', '.join(Kind)}.")
    step_s = interval_s or (float(np.median(np.diff(times))) / 1000 if len(times) > 1 else None)
    record = first_seen("here", "device", Kind(kind), interval_s=step_s, time_zone=time_zone)
    settings = PipelineSettings(plan=LearningPlan(learning_days=learning_days), alarms_per_week=alarms_per_week)
    pipeline = Pipeline(Fleet([record]), create(detector), MemoryHistory(), settings)
    # Room for all: a trace that halves itself would join samples that were asked for.
    recorder = TraceRecorder(row_limit=max(_BATCH, 2 * len(times)))
    outcome = replay(pipeline, _batches(times, watts), recorder.take)
    trace = recorder.trace(0)
    told = [entry.told for entry in outcome.incidents]
    # Of a trace that was never thinned both powers of a row are the same.
    return Verdicts(trace.ts_ms, trace.high_power_w, trace.score, trace.band_low_w, trace.band_high_w, told)


def _columns(ts_ms: ArrayLike, power_w: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    times, watts = _times(ts_ms), np.asarray(power_w, dtype=np.float64)
    if times.shape != watts.shape or times.ndim != 1:
        raise ConfigError(f"ts_ms has shape {times.shape}, power_w {watts.shape}.", "Give two columns of equal length.")
    return times, watts


def _batches(times: NDArray[np.int64], watts: NDArray[np.float64]) -> list[ReadingBatch]:
    slots = np.zeros(len(times), dtype=np.int32)
    cuts = [slice(at, at + _BATCH) for at in range(0, len(times), _BATCH)]
    return [ReadingBatch(slots[cut], times[cut], watts[cut]) for cut in cuts]


def _times(ts_ms: ArrayLike) -> NDArray[np.int64]:
    times = np.asarray(ts_ms)
    if np.issubdtype(times.dtype, np.datetime64):
        times = times.astype("datetime64[ms]")
    return times.astype(np.int64)
