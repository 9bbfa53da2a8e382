"""State of a fleet that has been at work for weeks, made from a few meters that have: what snapshots preload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.app.pipeline import Pipeline
from kilowatch.app.subject import Subject
from kilowatch.core.device import Fleet, Kind, first_seen
from kilowatch.core.quantise import encode_watts
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.samples import Series
from kilowatch.core.state import freeze
from kilowatch.detectors.registry import create
from kilowatch.errors import StateError
from kilowatch.lab.bench.fleet import STEP_MS
from kilowatch.lab.bench.pipeline.meters import (
    DEVICE,
    LEARNT_STEPS,
    PATTERNS,
    RECEIVED_AFTER_MS,
    SEASONED_STEPS,
    START_MS,
    STEPS_AHEAD,
    course,
    site_of,
    time_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector


EVERY_STEP = "every:"
"""In front of a network's name: it is asked at every step, not at its usual stride."""


def _detector(name: str) -> Detector:
    if name.startswith(EVERY_STEP):
        from kilowatch.detectors.network import Looks, network_detector

        return network_detector(name.removeprefix(EVERY_STEP), Looks(stride=1))
    return create(name)


def subject(numbers: Sequence[int] = (), detector: str = "fleet") -> Subject:
    """Return a fresh pipeline of the fleet detector for these meters; it learns nothing at work."""
    records = [first_seen(site_of(number), DEVICE, Kind.METER, interval_s=STEP_MS / 1000) for number in numbers]
    return Subject(Pipeline(Fleet(records), _detector(detector)))


def experienced(detector: str = "fleet") -> Subject:
    """Return one meter of each pattern, learnt and with full windows, at step 0."""
    made = subject(range(PATTERNS), detector)
    pipeline = made.pipeline
    pipeline.reserve()
    courses = np.stack([course(slot, STEPS_AHEAD) for slot in range(PATTERNS)])
    for slot in range(PATTERNS):
        ts_ms = START_MS + STEP_MS * np.arange(-LEARNT_STEPS, 0, dtype=np.int64)
        count, usable = np.arange(1, LEARNT_STEPS + 1, dtype=np.int64), np.ones(LEARNT_STEPS, dtype=np.bool_)
        code = encode_watts(courses[slot, :LEARNT_STEPS])
        pipeline.teacher.teach(slot, Series(pipeline.fleet.records[slot], ts_ms, ts_ms, code, count, usable))
    pipeline.curriculum.graduate_all(PATTERNS)
    for step in range(-SEASONED_STEPS, 0):
        # An incident that stands would be copied to an eighth of the fleet, and none of those could open another.
        if pipeline.step(_said(courses[:, LEARNT_STEPS + SEASONED_STEPS + step], time_of(step))).events:
            raise StateError("A meter of the benchmark alarms by itself.", "Choose another course.")
    return made


def _said(power_w: NDArray[np.float64], at_ms: int) -> ReadingBatch:
    ts_ms = np.full(len(power_w), at_ms, dtype=np.int64)
    slots = np.arange(len(power_w), dtype=np.int32)
    return ReadingBatch(slots, ts_ms, power_w, received_ms=ts_ms + RECEIVED_AFTER_MS)


def seasoned(template: Subject, numbers: Sequence[int], detector: str = "fleet") -> Subject:
    """Return these meters, each a copy of the template's meter of its slot modulo `PATTERNS`."""
    made = subject(numbers, detector)
    size = len(numbers)
    # a first reading of all makes room in every part
    made.pipeline.accept(_said(np.full(size, 100.0), time_of(-1)))
    ours, theirs = freeze(made.pipeline), freeze(template.pipeline)
    of = np.arange(size) % PATTERNS
    # `freeze` does not copy: what is written here is written into the pipeline. An array that has a row for each meter
    # is as long as the fleet, one of the same shape in both is shared by all.
    for mine, known in zip(ours.arrays, theirs.arrays, strict=True):
        if len(mine) >= size > len(known):
            mine[:size] = known[of]
        elif mine.shape == known.shape:
            mine[...] = known
    return made
