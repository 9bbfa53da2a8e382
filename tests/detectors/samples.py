"""Samples and series from plain arrays of watts, cut and mixed as a test needs them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import DeviceRecord, Kind
from kilowatch.core.quantise import encode_watts
from kilowatch.core.samples import Samples, Series
from kilowatch.core.segments import Segments
from kilowatch.core.window import WindowRing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from kilowatch.core.detector import Detector, Scores

GRID_MS = 30_000
DAY_MS = 86_400_000
START_MS = 1_767_571_200_000
"""2026-01-05 00:00 UTC, a Monday."""
PER_DAY = DAY_MS // GRID_MS
_COLUMNS = ("slot", "ts_ms", "code", "count", "grid_ms", "held")


def record_of(grid_ms: int = GRID_MS, kind: Kind = Kind.UNKNOWN) -> DeviceRecord:
    return DeviceRecord(site="home", device="plug", kind=kind, interval_s=grid_ms / 1000)


def series_of(
    power_w: ArrayLike,
    *,
    start_ms: int = START_MS,
    grid_ms: int = GRID_MS,
    usable: NDArray[np.bool_] | None = None,
    kind: Kind = Kind.UNKNOWN,
) -> Series:
    """A device's past: one value a grid step from start_ms, all usable unless told otherwise."""
    code = encode_watts(np.asarray(power_w, dtype=np.float64))
    ts_ms = start_ms + grid_ms * np.arange(len(code), dtype=np.int64)
    everything = np.ones(len(code), dtype=np.bool_)
    return Series(
        record_of(grid_ms, kind),
        ts_ms,
        ts_ms.copy(),
        code,
        np.arange(1, len(code) + 1),
        everything if usable is None else usable,
    )


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Values of any mix of devices in the order in which they arrive; `batch` cuts samples out of them."""

    slot: NDArray[np.int32]
    ts_ms: NDArray[np.int64]
    code: NDArray[np.uint16]
    count: NDArray[np.int64]
    grid_ms: NDArray[np.int64]
    held: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.slot)

    @classmethod
    def of(
        cls,
        power_w: ArrayLike,
        *,
        slot: int = 0,
        start_ms: int = START_MS,
        grid_ms: int = GRID_MS,
        gaps: Iterable[int] = (),
        held: Iterable[int] = (),
    ) -> Arrivals:
        """One device; before each row of `gaps` it was silent for an hour, so that its window restarts there."""
        code = encode_watts(np.asarray(power_w, dtype=np.float64))
        place = np.arange(len(code), dtype=np.int64)
        restart = np.isin(place, [0, *gaps])
        ts_ms = start_ms + place * grid_ms + (np.cumsum(restart) - 1) * 3_600_000
        count = place - np.maximum.accumulate(np.where(restart, place, 0)) + 1
        return cls(
            np.full(len(code), slot, dtype=np.int32),
            ts_ms,
            code,
            count,
            np.full(len(code), grid_ms, dtype=np.int64),
            np.isin(place, list(held)),
        )

    def without(self, missing: NDArray[np.bool_]) -> Arrivals:
        """The other rows of one device; its window restarts after every hole."""
        kept = {name: getattr(self, name)[~missing] for name in _COLUMNS}
        place = np.arange(len(kept["count"]))
        restart = np.diff(kept["count"], prepend=0) != 1
        kept["count"] = place - np.maximum.accumulate(np.where(restart, place, 0)) + 1
        return Arrivals(**kept)

    @classmethod
    def mixed(cls, parts: Sequence[Arrivals]) -> Arrivals:
        """Several devices, merged by time."""
        order = np.argsort(np.concatenate([part.ts_ms for part in parts]), kind="stable")
        return cls(*(np.concatenate([getattr(part, name) for part in parts])[order] for name in _COLUMNS))

    def batch(self, start: int = 0, end: int | None = None) -> tuple[NDArray[np.intp], Samples]:
        """The samples of arrivals start to end, and which arrival each is."""
        rows = np.arange(len(self))[start:end]
        order, segments = Segments.sort(self.slot[rows])
        rows = rows[order]
        samples = Samples(
            segments=segments,
            slot=self.slot[rows],
            ts_ms=self.ts_ms[rows],
            local_ms=self.ts_ms[rows].copy(),
            code=self.code[rows],
            count=self.count[rows],
            phase=self.slot[rows].astype(np.uint32),
            grid_ms=self.grid_ms[rows],
            held=self.held[rows],
            historical=np.zeros(len(rows), dtype=np.bool_),
        )
        return rows, samples


@dataclass(slots=True)
class Watch:
    """A detector with the window ring it reads."""

    detector: Detector
    ring: WindowRing

    @classmethod
    def over(cls, detector: Detector, devices: int = 1) -> Watch:
        detector.reserve(devices)
        ring = WindowRing()
        ring.reserve(devices)
        return cls(detector, ring)

    def score(self, samples: Samples) -> Scores:
        view = self.ring.view(samples)
        scores = self.detector.score(samples, view)
        self.ring.commit(view)
        return scores

    def feed(self, arrivals: Arrivals, cuts: Iterable[int] = ()) -> NDArray[np.float32]:
        """Raw scores in order of arrival, float32[n], of arrivals fed in batches that end at cuts."""
        raw = np.empty(len(arrivals), dtype=np.float32)
        edges = sorted({0, len(arrivals), *(cut for cut in cuts if 0 < cut < len(arrivals))})
        for start, end in itertools.pairwise(edges):
            rows, samples = arrivals.batch(start, end)
            raw[rows] = self.score(samples).raw
        return raw


def fridge(days: float, *, seed: int = 0, grid_ms: int = GRID_MS) -> NDArray[np.float64]:
    """A compressor: about 15 min on at 90 W, 30 min off, lengths varying by a tenth."""
    random = np.random.default_rng(seed)
    cycles = int(days * DAY_MS / 2_400_000) + 2
    lengths = np.column_stack([random.normal(15, 1.5, cycles), random.normal(30, 3.0, cycles)]) * 60_000 / grid_ms
    on = np.repeat(np.tile([1.0, 0.0], cycles), np.maximum(np.rint(lengths), 1).astype(np.int64).ravel())
    noise = random.normal(0, 1.0, len(on))
    return np.where(on > 0, 90.0 + noise, 0.0)[: round(days * DAY_MS / grid_ms)]


def television(days: float, *, seed: int = 0, grid_ms: int = GRID_MS) -> NDArray[np.float64]:
    """A TV: 100 W for one to four hours each evening, 20 min on some mornings, standby of 1 W otherwise."""
    random = np.random.default_rng(seed)
    per_hour = 3_600_000 // grid_ms
    power_w = np.full(round(days * DAY_MS / grid_ms), 1.0)
    for day in range(int(np.ceil(days))):
        at = day * 24 * per_hour
        for start_h, hours in (
            (19 + random.uniform(-0.5, 0.5), random.uniform(1, 4)),
            (8.0, random.choice([0, 1 / 3])),
        ):
            begin = at + round(start_h * per_hour)
            end = begin + round(hours * per_hour)
            power_w[begin:end] = 100.0 + random.normal(0, 3.0, len(power_w[begin:end]))
    return power_w


def office(days: float, *, seed: int = 0, grid_ms: int = GRID_MS) -> NDArray[np.float64]:
    """A floor meter: 1 kW at night and on weekends, up to 4 kW on weekdays from 9 to 18, noise that lasts minutes."""
    random = np.random.default_rng(seed)
    hour = np.arange(round(days * DAY_MS / grid_ms)) * grid_ms / 3_600_000
    working = (hour % 24 >= 9) & (hour % 24 < 18) & (hour // 24 % 7 < 5)
    steps = random.normal(0, 1.0, len(hour) // 20 + 2)
    slow = np.interp(np.arange(len(hour)) / 20, np.arange(len(steps)), steps)
    level_w = np.where(working, 4000.0, 1000.0)
    return np.maximum(level_w * (1 + 0.05 * slow + 0.01 * random.normal(0, 1.0, len(hour))), 0.0)
