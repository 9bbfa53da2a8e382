"""A pipeline's state taken from one pipeline to the next in the middle of a stream."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from app.homes import fleet
from kilowatch.app.advisor import would_be_armed
from kilowatch.app.packing import pack, unpack
from kilowatch.app.pipeline import Pipeline, PipelineSettings, StepResult
from kilowatch.core.device import Fleet
from kilowatch.core.learning import LearningPlan
from kilowatch.core.state import freeze, thaw
from kilowatch.detectors.registry import create
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from kilowatch.core.reading import ReadingBatch

PLAN = LearningPlan(learning_days=2, refit_days=7)


class Run:
    """A pipeline that learns, with its history, and all that it has said."""

    def __init__(self, detector: str, *, plan: LearningPlan = PLAN, devices: Fleet | None = None) -> None:
        self.detector, self.plan = detector, plan
        self.pipeline, self.history = self._made(fleet() if devices is None else devices)
        self.said: list[StepResult] = []

    def _made(self, devices: Fleet) -> tuple[Pipeline, MemoryHistory]:
        history = MemoryHistory(keep_ms=self.plan.horizon_ms)
        settings = PipelineSettings(plan=self.plan, rehearse=(5.0,))
        return Pipeline(devices, create(self.detector), history, settings, would_be_armed()), history

    def feed(self, batches: Iterable[ReadingBatch]) -> None:
        self.said += [self.pipeline.step(batch) for batch in batches]

    def hand_over(self) -> list[str]:
        """Go on with a fresh pipeline that knows no device but from the packed state of the old one."""
        frozen, past = pack(freeze(self.pipeline)), pack(freeze(self.history))
        self.pipeline, self.history = self._made(Fleet())
        return thaw(self.history, unpack(past)) + thaw(self.pipeline, unpack(frozen))

    def judged(self) -> dict[str, NDArray[Any]]:
        """Every judged sample in order of device and time, as columns; floats as their bits."""
        parts = [judged for result in self.said for judged in result.judged]
        if not parts:
            return {}
        slot = np.concatenate([part.samples.slot for part in parts])
        order = np.argsort(slot, kind="stable")
        columns = {
            name: np.concatenate([getattr(part.samples, name) for part in parts])[order]
            for name in ("ts_ms", "code", "count", "held", "historical")
        }
        for name in ("score", "confirmed", "low_w", "high_w", "watching"):
            column = np.concatenate([getattr(part, name) for part in parts])[order]
            columns[name] = column.view(np.uint32) if column.dtype == np.float32 else column
        return {"slot": slot[order], **columns}

    def told(self) -> list[Any]:
        events = [event for result in self.said for event in result.events]
        advice = [advice for result in self.said for advice in result.advice]
        return [sorted(events, key=lambda event: (event.ts_ms, event.device, event.version)), advice]


def cut(batch: ReadingBatch, edges: Iterable[int]) -> Iterator[ReadingBatch]:
    places = [0, *sorted(edge for edge in set(edges) if 0 < edge < len(batch)), len(batch)]
    for begin, end in itertools.pairwise(places):
        yield batch.take(slice(begin, end))


def assert_same(one: Run, other: Run) -> None:
    assert one.told() == other.told()
    for (name, ours), theirs in zip(one.judged().items(), other.judged().values(), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
