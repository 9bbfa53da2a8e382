"""What a detector costs on this machine: memory, time a sample, time to learn."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import Kind, first_seen
from kilowatch.core.playback import as_samples
from kilowatch.core.quantise import encode_watts
from kilowatch.core.samples import Samples, Series
from kilowatch.core.segments import Segments
from kilowatch.core.window import WindowRing
from kilowatch.detectors.registry import create

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

STEP_MS = 30_000
MANY = 1_000
_DAYS = 7
# About a week in one batch, so that what a call costs at all does not count.
_TIMED = 20_000
_ROUNDS = 5
_START_MS = 1_767_571_200_000


@dataclass(frozen=True, slots=True)
class Cost:
    """bytes_per_device: all arrays over slots. us_per_sample: one device's samples in one batch, and one sample each
    of many devices. fit_ms: learning a week."""

    bytes_per_device: float
    us_per_sample: float
    us_per_sample_of_many: float
    fit_ms: float
    needs: int


def cost_of(name: str) -> Cost:
    """Measure a detector on a meter with a daily rhythm; `DetectorError` where the name is not known."""
    history = _meter()
    detector = create(name)
    detector.reserve(MANY)
    fit_s = _seconds(lambda: detector.fit(0, history), 1)
    samples, ring = as_samples(history.part(slice(-_TIMED, None))), WindowRing()
    ring.reserve(MANY)
    one_s = _seconds(lambda: detector.score(samples, ring.view(samples)), 2)
    _copy_to_all(detector)
    return Cost(
        bytes_per_device=sum(array.nbytes for array in detector.state().values()) / MANY,
        us_per_sample=1e6 * one_s / len(samples),
        us_per_sample_of_many=1e6 * _many_s(detector, history, ring) / MANY,
        fit_ms=1e3 * fit_s,
        needs=detector.needs,
    )


def _meter() -> Series:
    steps = _DAYS * 86_400_000 // STEP_MS
    rng = np.random.default_rng(0)
    hours = np.arange(steps) * STEP_MS / 3_600_000
    watts = 400 + 250 * np.sin((hours - 8) * np.pi / 12) + 60 * rng.standard_normal(steps)
    # A load of 20 min in every 100: detectors of runs and jumps have work to do.
    watts += 1500.0 * (np.arange(steps) // 40 % 5 == 0)
    ts_ms = _START_MS + STEP_MS * np.arange(steps, dtype=np.int64)
    record = first_seen("cost", "meter", Kind.METER, interval_s=STEP_MS / 1000)
    everything = np.ones(steps, dtype=np.bool_)
    return Series(record, ts_ms, ts_ms, encode_watts(np.maximum(watts, 5.0)), np.arange(1, steps + 1), everything)


def _seconds(work: Callable[[], object], rounds: int) -> float:
    """Return the time of the fastest of some rounds: the others met somebody else's work."""
    spent = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return min(spent)


def _copy_to_all(detector: Detector) -> None:
    """Give every slot the parameters of the first."""
    for array in detector.state().values():
        array[1:] = array[0]


def _many_s(detector: Detector, history: Series, ring: WindowRing) -> float:
    """Return the seconds of one sample each of many devices."""
    # Full windows for everybody, as at work: on a short one many detectors say nothing, at no cost.
    ring.codes[:] = history.code[-ring.length :]
    spent = []
    for number in range(_ROUNDS):
        view = ring.view(_one_each(history, number))
        spent.append(_seconds(partial(detector.score, view.samples, view), 1))
        ring.commit(view)
    return min(spent)


def _one_each(history: Series, number: int) -> Samples:
    slot = np.arange(MANY, dtype=np.int32)

    def same(value: int) -> NDArray[np.int64]:
        return np.full(MANY, value, dtype=np.int64)

    ts_ms = int(history.ts_ms[-1]) + STEP_MS * (number + 1)
    none = np.zeros(MANY, dtype=np.bool_)
    return Samples(
        segments=Segments.of_sorted(slot),
        slot=slot,
        ts_ms=same(ts_ms),
        local_ms=same(ts_ms),
        code=np.full(MANY, history.code[number], dtype=np.uint16),
        count=same(len(history) + number + 1),
        phase=slot.astype(np.uint32),
        grid_ms=same(STEP_MS),
        held=none,
        historical=none,
    )
