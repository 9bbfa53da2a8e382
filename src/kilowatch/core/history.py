"""History for people: judged samples, rolled up into buckets whose sums are whole numbers and so join exactly."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet
    from kilowatch.core.judged import Judged

FIVE_MINUTES_MS = 300_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class HistoryRows:
    """n judged samples of any mix of devices.

    names: (site, device) of each number in `device` int32[n] · ts_ms int64[n], the end of the interval a value stands
    for · power_w, score, low_w, high_w float32[n], NaN where unknown · keep bool[n], worth keeping one by one.
    """

    names: tuple[tuple[str, str], ...]
    device: NDArray[np.int32]
    ts_ms: NDArray[np.int64]
    power_w: NDArray[np.float32]
    score: NDArray[np.float32]
    low_w: NDArray[np.float32]
    high_w: NDArray[np.float32]
    keep: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ts_ms)

    @classmethod
    def of(cls, judged: Judged, fleet: Fleet, keep: NDArray[np.bool_]) -> HistoryRows:
        """Return judged samples under their devices' names; keep bool[n] marks incidents and watched devices."""
        samples = judged.samples
        slots, device = np.unique(samples.slot, return_inverse=True)
        records = [fleet.records[slot] for slot in slots.tolist()]
        return cls(
            tuple((record.site, record.device) for record in records),
            device.astype(np.int32),
            samples.ts_ms,
            samples.power_w,
            judged.confirmed,
            judged.low_w,
            judged.high_w,
            keep,
        )


@dataclass(frozen=True, slots=True)
class Buckets:
    """n stretches of time of any mix of devices, in order of device and time.

    device int32[n] · start_ms int64[n] · samples int64[n] · total_dw int64[n], tenths of a watt over all samples ·
    min_w, max_w, score (the highest), low_w, high_w (all that was expected) float64[n], NaN where unknown.
    """

    device: NDArray[np.int32]
    start_ms: NDArray[np.int64]
    samples: NDArray[np.int64]
    total_dw: NDArray[np.int64]
    min_w: NDArray[np.float64]
    max_w: NDArray[np.float64]
    score: NDArray[np.float64]
    low_w: NDArray[np.float64]
    high_w: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.start_ms)

    @property
    def mean_w(self) -> NDArray[np.float64]:
        """The mean of the samples, W."""
        return self.total_dw / (10.0 * self.samples)

    @classmethod
    def join(cls, parts: Sequence[Buckets]) -> Buckets:
        """Return the buckets one after another; those of the same device and time are not joined yet."""
        columns = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)}
        return cls(**columns)

    def part(self, rows: NDArray[np.bool_]) -> Buckets:
        """Return some of the buckets, rows bool[n]."""
        return Buckets(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def grouped(self, step_ms: int) -> Buckets:
        """Return buckets of `step_ms`, those that fall together joined: sums of sums, extremes of extremes."""
        start_ms = self.start_ms // step_ms * step_ms
        order = np.lexsort((start_ms, self.device))
        device, start_ms = self.device[order], start_ms[order]
        is_first = np.ones(len(order), dtype=np.bool_)
        is_first[1:] = (device[1:] != device[:-1]) | (start_ms[1:] != start_ms[:-1])
        at = np.flatnonzero(is_first)
        if len(at) == 0:
            return self

        def reduced(how: np.ufunc, values: NDArray[Any]) -> NDArray[Any]:
            return how.reduceat(values[order], at)

        return Buckets(
            device[at],
            start_ms[at],
            reduced(np.add, self.samples),
            reduced(np.add, self.total_dw),
            # fmin and fmax pass over NaN: what is unknown of one bucket hides nothing of its neighbours.
            reduced(np.fmin, self.min_w),
            reduced(np.fmax, self.max_w),
            reduced(np.fmax, self.score),
            reduced(np.fmin, self.low_w),
            reduced(np.fmax, self.high_w),
        )


@dataclass(frozen=True, slots=True)
class NamedBuckets:
    """Buckets with the (site, device) of each number in their `device`."""

    names: tuple[tuple[str, str], ...]
    buckets: Buckets


def bucketed(rows: HistoryRows, step_ms: int = FIVE_MINUTES_MS) -> Buckets:
    """Return the buckets of samples; a sample belongs to the stretch that its interval ends in."""
    power_w = rows.power_w.astype(np.float64)
    return Buckets(
        rows.device,
        # A sample that ends on a border stands for the time before it.
        rows.ts_ms - 1,
        np.ones(len(rows), dtype=np.int64),
        np.rint(power_w * 10).astype(np.int64),
        power_w,
        power_w,
        rows.score.astype(np.float64),
        rows.low_w.astype(np.float64),
        rows.high_w.astype(np.float64),
    ).grouped(step_ms)


@dataclass(frozen=True, slots=True)
class HistorySeries:
    """A device's past, to look at: buckets of `step_ms` in order of time, none where there was no sample."""

    step_ms: int
    buckets: Buckets


def step_for(from_ms: int, to_ms: int, points: int) -> int:
    """Return the shortest stretch, ms, at which a span has at most `points` of them, their starts counted whole."""
    # One point less: a span that begins within a bucket touches one more than its length holds.
    return max(1, -(-(to_ms - from_ms) // max(1, points - 1)))


def coarse_step_for(from_ms: int, to_ms: int, points: int) -> int:
    """Return the same in whole multiples of five minutes."""
    return -(-step_for(from_ms, to_ms, points) // FIVE_MINUTES_MS) * FIVE_MINUTES_MS


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each level is kept, days. lead_s: of single samples, how much before the first worth keeping."""

    single_days: int = 30
    five_minute_days: int = 800
    lead_s: int = 7200
