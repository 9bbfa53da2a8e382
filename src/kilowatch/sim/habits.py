"""When people use an appliance: how often a day, and at what hour, on working days and at weekends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.sim.days import LocalDay
    from kilowatch.sim.noise import Streams

_MIN_H = 1 / 60
FLAT = (1.0,) * 24


class Use(NamedTuple):
    """One use: when it begins, and how long it lasts against the usual (standard normal)."""

    start_ms: int
    length_z: float


def hours_drawn(rng: np.random.Generator, count: int, weights: Sequence[float]) -> NDArray[np.float64]:
    """Return `count` times of day in hours, in order, with the given weight on each of the 24 hours."""
    total = np.cumsum(weights, dtype=np.float64)
    hour = np.searchsorted(total, rng.random(count) * total[-1], side="right")
    return np.sort(hour + rng.random(count))


@dataclass(frozen=True, slots=True)
class Habit:
    """How often and when: `runs[n]` is the weight of n uses a day, `hours[h]` that of local hour h.

    Appliances with the same `stream` are used together (a screen with its computer, a dryer after the washer):
    `share` of the uses, `delay_min` later.
    """

    stream: str
    runs: tuple[float, ...]
    hours: tuple[float, ...]
    weekend_runs: tuple[float, ...] | None = None
    weekend_hours: tuple[float, ...] | None = None
    share: float = 1.0
    delay_min: float = 0.0

    def uses(self, day: LocalDay, streams: Streams) -> list[Use]:
        """Return the uses that begin on a day, in order."""
        rng = streams.generator(self.stream, day.number)
        runs = (self.weekend_runs if day.weekend else None) or self.runs
        hours = (self.weekend_hours if day.weekend else None) or self.hours
        count = int(np.searchsorted(np.cumsum(runs), rng.random() * sum(runs), side="right"))
        starts = day.utc_ms(hours_drawn(rng, count, hours) + self.delay_min * _MIN_H)
        # Drawn for every use, taken or not: appliances of one stream meet the same uses, whatever their share.
        length_z = np.clip(rng.standard_normal(count), -2.2, 2.2)
        taken = rng.random(count) < self.share
        return [Use(int(start), float(z)) for start, z in zip(starts[taken], length_z[taken], strict=True)]
