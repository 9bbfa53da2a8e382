"""Fridges of simulated homes as windows: well ones, and ones with each fault in turn."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from kilowatch.app.pipeline import Pipeline
from kilowatch.core.device import Fleet
from kilowatch.detectors.registry import create
from kilowatch.links.memory import MemoryHistory
from kilowatch.nets.windows import Windows, cut
from kilowatch.sim.faults import Fault, FaultSpec
from kilowatch.sim.home import Home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.samples import Series

START_MS = 1_767_571_200_000
DAY_MS = 86_400_000
NORMAL_DAYS = 14
FAULT_DAYS = 2
DEVICE = "fridge"
FAULTS = (
    Fault.DOOR_OPEN,
    Fault.DOOR_SEAL_LEAK,
    Fault.REFRIGERANT_LOSS,
    Fault.COMPRESSOR_FAILED,
    Fault.THERMOSTAT_STUCK,
    Fault.SHORT_CYCLING,
    Fault.BEARING_WEAR,
)


def normal(seeds: Sequence[int], window: int, stride: int) -> Windows:
    """Return windows of fridges that are well."""
    return Windows.join([cut(_past(seed, NORMAL_DAYS, ()), window, stride) for seed in seeds])


def faulty(seeds: Sequence[int], window: int) -> dict[Fault, Windows]:
    """Return windows of fridges by fault; each has it from the second hour on, in a home of its own."""
    return {fault: _with(fault, place, seeds, window) for place, fault in enumerate(FAULTS)}


def _with(fault: Fault, place: int, seeds: Sequence[int], window: int) -> Windows:
    spec = FaultSpec(fault, DEVICE, START_MS + 7_200_000)
    # A home of its own for each fault, so that no two histories share their noise.
    pasts = [_past(1000 * (place + 1) + seed, FAULT_DAYS, (spec,)) for seed in seeds]
    parts = [cut(past, window, window, abnormal=True) for past in pasts]
    joined = Windows.join(parts)
    return joined.take(joined.begin_ms >= spec.start_ms)


@lru_cache(maxsize=64)
def _past(seed: int, days: int, faults: tuple[FaultSpec, ...]) -> Series:
    home = Home(seed, START_MS, site=f"home-{seed}")
    record = next(record for record in home.records() if record.device == DEVICE)
    pipeline, history = Pipeline(Fleet([record]), create("constant")), MemoryHistory()
    for batch in home.readings(pipeline.fleet, START_MS + days * DAY_MS, faults):
        pipeline.survey(batch, history)
    return history.series(0, pipeline.fleet.records[0], 0, START_MS + (days + 1) * DAY_MS)
