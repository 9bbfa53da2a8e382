"""From files to a running replay: fleet, pipeline and stream, with what could not be read on the side."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.app.advisor import would_be_armed
from kilowatch.app.feed import BATCH_ROWS, in_time_order, places, slice_for
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.core.device import Fleet
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kilowatch.core.detector import Detector
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.links.files import FileSource

_LEAST_ROWS = 4096
"""Of a file read at a time, however many are open at once."""
# Devices that share a file are seldom an hour out of step; the few clocks that are not set do not count.
_BEHIND_MS = 3_600_000
_STRAY_SHARE = 0.001


@dataclass(frozen=True, slots=True)
class FileReplay:
    """A pipeline and the sources whose history it is to see."""

    pipeline: Pipeline
    sources: Sequence[FileSource]

    def batches(self) -> Iterator[ReadingBatch]:
        """Yield the history of all sources in time order."""
        fleet = self.pipeline.fleet
        rate = sum(1.0 / (record.interval_s or record.grid_s) for record in fleet.records)
        rows = max(_LEAST_ROWS, BATCH_ROWS // max(1, len(self.sources)))
        streams = [stream for source in self.sources for stream in _streams(source, fleet, rows)]
        return in_time_order(streams, slice_for(rate))


def _streams(source: FileSource, fleet: Fleet, rows: int) -> list[Iterable[ReadingBatch]]:
    """Return a source's readings as streams in time order: itself, or one for each device where they follow each other.

    Exports often list one device after another: none may wait for the ones before it, so such a file is held in memory.
    """
    if len(source.devices()) < 2 or _is_in_step(next(source.batches(fleet, BATCH_ROWS), None)):
        return [source.batches(fleet, rows)]
    of_device: defaultdict[int, list[ReadingBatch]] = defaultdict(list)
    for batch in source.batches(fleet, BATCH_ROWS):
        for slot in np.unique(batch.slot).tolist():
            of_device[slot].append(batch.take(batch.slot == slot))
    return list(of_device.values())


def _is_in_step(first: ReadingBatch | None) -> bool:
    """Whether the first readings of a file with several devices hold more than one, in time order but for strays."""
    if first is None or len(first) == 0:
        return True
    behind = places(first.ts_ms, 0, is_end=True) - first.ts_ms > _BEHIND_MS
    return len(np.unique(first.slot)) > 1 and float(behind.mean()) < _STRAY_SHARE


def replay_of(sources: Sequence[FileSource], detector: Detector, settings: PipelineSettings) -> FileReplay:
    """Return the replay of files with a fresh pipeline."""
    fleet = Fleet()
    for source in sources:
        for record in source.devices():
            if fleet.slot(record.site, record.device) is None:
                fleet.add(record)
    history = MemoryHistory(keep_ms=settings.plan.horizon_ms)
    pipeline = Pipeline(fleet, detector, history, settings, would_be_armed())
    return FileReplay(pipeline, sources)


def look_back(run: FileReplay) -> None:
    """Let every device learn from the whole of its history first: no longer causal, and labelled so."""
    pipeline, history = run.pipeline, MemoryHistory()
    # One of its own: the pipeline that is to judge must not have seen any of it.
    scout = Pipeline(pipeline.fleet, pipeline.scorer.detector.clone())
    for batch in run.batches():
        scout.survey(batch, history)
    pipeline.learn_at_once(history)
