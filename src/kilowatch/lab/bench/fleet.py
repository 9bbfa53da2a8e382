"""Windows and cheap tier over a fleet of meters, from decoded batch to verdict.

The fleet's devices are fitted copies of a few simulated meters; their readings come in random order, a device
once in every 30 s, in batches as Kafka would hand them over. Measured from decoded batch to verdict: cleaning,
grid, windows, scores, thresholds, confirmation and incidents, in CPU time of the one core it runs on.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.app.pipeline import Pipeline
from kilowatch.core.device import Fleet, Kind, first_seen
from kilowatch.core.outputs import BenchRow
from kilowatch.core.quantise import encode_watts
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.samples import Series
from kilowatch.detectors.registry import create
from kilowatch.lab.bench.machine import resident_mb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

STEP_MS = 30_000
# What a million meters send in a second, each every 30 s.
BATCH = 33_334
_START_MS = 1_767_567_600_000
_PATTERNS = 8
_DAY_STEPS = 2880


def meter_course(seed: int, steps: int) -> NDArray[np.float64]:
    """Return watts of a meter with a daily rhythm, noise and switching loads, float64[steps]."""
    rng = np.random.default_rng(seed)
    hours = np.arange(steps) * STEP_MS / 3_600_000
    level = 400 + 250 * np.sin((hours - 8 + seed) * np.pi / 12) + 80 * rng.standard_normal(steps)
    cycles = 120.0 * ((np.arange(steps) // 40 + seed) % 3 == 0)
    return np.maximum(level + cycles, 5.0)


@dataclass(frozen=True, slots=True)
class FleetRun:
    """What a fleet of so many devices cost."""

    us_per_reading: float
    state_bytes: dict[str, float]
    resident_mb: float


def fleet_run(devices: int, steps: int, detector: str = "fleet") -> FleetRun:
    """Run a fitted fleet through so many steps of 30 s after a warm-up, and measure."""
    pipeline = fitted_fleet(devices, detector)
    spent = readings = 0.0
    for number, batch in enumerate(stream(devices, steps + 4)):
        started = time.process_time()
        pipeline.step(batch)
        # The four rounds before it fill windows and touch memory for the first time: a start, not a rate.
        if number * BATCH >= 4 * devices:
            spent += time.process_time() - started
            readings += len(batch)
    sizes = {name: bytes_ / devices for name, bytes_ in state_bytes(pipeline, devices).items()}
    return FleetRun(1e6 * spent / readings, sizes, resident_mb())


def fitted_fleet(devices: int, detector: str) -> Pipeline:
    """Return a pipeline in which every device is a fitted copy of one of a few meters."""
    fleet = Fleet([first_seen(f"m{i}", "meter", Kind.METER, interval_s=30.0) for i in range(devices)])
    pipeline = Pipeline(fleet, create(detector))
    pipeline.reserve()
    for slot in range(min(_PATTERNS, devices)):
        power_w = meter_course(slot, 14 * _DAY_STEPS)
        ts_ms = _START_MS - 14 * 86_400_000 + STEP_MS * np.arange(len(power_w), dtype=np.int64)
        pipeline.teacher.teach(slot, series_of(fleet, slot, ts_ms, power_w))
    pipeline.curriculum.graduate_all(devices)
    # What a lesson writes, and no more: windows and the rest fill up in the steps before the clock counts.
    for arrays in (pipeline.scorer.detector.state(), pipeline.judge.thresholds.state()):
        for array in arrays.values():
            array[_PATTERNS:devices] = array[np.arange(_PATTERNS, devices) % _PATTERNS]
    return pipeline


def series_of(fleet: Fleet, slot: int, ts_ms: NDArray[np.int64], power_w: NDArray[np.float64]) -> Series:
    """Return watts on the grid as a series to learn from."""
    count = np.arange(1, len(ts_ms) + 1, dtype=np.int64)
    usable = np.ones(len(ts_ms), dtype=np.bool_)
    return Series(fleet.records[slot], ts_ms, ts_ms, encode_watts(power_w), count, usable)


def stream(devices: int, steps: int) -> Iterator[ReadingBatch]:
    """Yield every device once in each step, in another order each time."""
    rng = np.random.default_rng(0)
    courses = np.stack([meter_course(slot, steps) for slot in range(_PATTERNS)])
    for step in range(steps):
        order = rng.permutation(devices).astype(np.int32)
        for slot in np.array_split(order, max(1, devices // BATCH)):
            ts_ms = np.full(len(slot), _START_MS + step * STEP_MS, dtype=np.int64)
            yield ReadingBatch(slot, ts_ms, courses[slot % _PATTERNS, step])


def state_bytes(pipeline: Pipeline, devices: int) -> dict[str, float]:
    """Return the bytes that each part keeps for so many devices."""

    def size(arrays: dict[str, NDArray[np.generic]]) -> float:
        return float(sum(array[:devices].nbytes for array in arrays.values()))

    lessons = pipeline.curriculum
    return {
        "window": float(pipeline.scorer.ring.codes[:devices].nbytes),
        "clean": size(pipeline.cleaner.state()),
        "detector": size(pipeline.scorer.detector.state()),
        "threshold": size(pipeline.judge.thresholds.state()),
        "confirm": size(pipeline.scorer.confirm.state()) + size(pipeline.judge.bursts.state()),
        "grid": size(pipeline.grid.state()),
        "staleness": devices * 17.0,
        "on_since": devices * 8.0,
        "phase": float(pipeline.fleet.phase[:devices].nbytes),
        "lessons": sum(
            float(array[:devices].nbytes) for array in (lessons.first_ms, lessons.due_ms, lessons.watching_since_ms)
        ),
    }


def rows(say: Callable[[str], None], *, quick: bool) -> list[BenchRow]:
    """Measure fleets of rising size; `quick` leaves out the million."""
    found: list[BenchRow] = []
    for devices in (1_000, 10_000, 100_000) if quick else (1_000, 10_000, 100_000, 1_000_000):
        say(f"{devices:,} devices")
        run = _in_own_process(devices, max(4, 1_000_000 // devices))
        name = f"{devices // 1000}k" if devices < 1_000_000 else "1m"
        found.append(BenchRow(name=f"us_per_reading_{name}_devices", value=round(run.us_per_reading, 3), unit="us"))
        found.append(BenchRow(name=f"process_mb_{name}_devices", value=round(run.resident_mb, 1), unit="MB"))
        if devices == 100_000:
            found += _state_rows(run)
    return found


def _in_own_process(devices: int, steps: int) -> FleetRun:
    """Measure in a fresh process, so that memory is this fleet's alone."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(fleet_run, devices, steps).result()


def _state_rows(run: FleetRun) -> list[BenchRow]:
    total = sum(run.state_bytes.values())
    parts = [
        BenchRow(name=f"state_bytes_{part}", value=round(size, 1), unit="B") for part, size in run.state_bytes.items()
    ]
    return [BenchRow(name="state_bytes_per_device", value=round(total, 1), unit="B"), *parts]
