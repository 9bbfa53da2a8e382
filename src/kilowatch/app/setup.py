"""From files to a running replay: fleet, pipeline and stream, with what could not be read on the side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.app.advisor import would_be_armed
from kilowatch.app.feed import in_time_order, slice_for
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.core.device import Fleet
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kilowatch.core.detector import Detector
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.links.files import FileSource


@dataclass(frozen=True, slots=True)
class FileReplay:
    """A pipeline and the sources whose history it is to see."""

    pipeline: Pipeline
    sources: Sequence[FileSource]

    def batches(self) -> Iterator[ReadingBatch]:
        """Yield the history of all sources in time order."""
        fleet = self.pipeline.fleet
        rate = sum(1.0 / (record.interval_s or record.grid_s) for record in fleet.records)
        return in_time_order([source.batches(fleet) for source in self.sources], slice_for(rate))


def replay_of(sources: Sequence[FileSource], detector: Detector, settings: PipelineSettings) -> FileReplay:
    """Return the replay of files with a fresh pipeline."""
    fleet = Fleet()
    for source in sources:
        for record in source.devices():
            if fleet.slot(record.site, record.device) is None:
                fleet.add(record)
    pipeline = Pipeline(fleet, detector, MemoryHistory(), settings, would_be_armed())
    return FileReplay(pipeline, sources)


def look_back(run: FileReplay) -> None:
    """Let every device learn from the whole of its history first: no longer causal, and labelled so."""
    pipeline, history = run.pipeline, MemoryHistory()
    scout = Pipeline(pipeline.fleet, pipeline.scorer.detector.clone())
    for batch in run.batches():
        scout.survey(batch, history)
    pipeline.learn_at_once(history)
