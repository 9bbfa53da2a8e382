"""What past scores say about alarms: the rate at any level, what a threshold rests on, and folds of days."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.blocks import BLOCKS_PER_WEEK, spacing_ms
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MERGE_MS = 3_600_000
"""Alarms within one hour are one."""

_WEEK_MS = 604_800_000
_DAY_MS = 86_400_000


class Method(IntEnum):
    """How a threshold was found."""

    # Snapshots hold these numbers: a new one goes to the end.
    NONE = 0
    PRIOR = 1
    QUANTILE = 2
    POT = 3


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a device's threshold rests on.

    blocks: hours of scores it was found from; peaks: separate ones in the fitted tail, or at all where none could
    be fitted; alarms_per_week: the rate asked for.
    """

    method: Method
    blocks: int
    peaks: int
    alarms_per_week: float

    @property
    def sentence(self) -> str:
        """What the threshold rests on, and what cannot be seen yet."""
        asked = f"Asked for {self.alarms_per_week:g} alarm{'' if self.alarms_per_week == 1 else 's'} a week."
        if self.method is Method.NONE:
            return "No threshold: nothing has been learnt yet."
        if self.method is Method.PRIOR:
            return f"{asked} {self.blocks} h of scores are too few to know what is usual: the threshold is a default."
        found = f"Set from {self.peaks} separate peaks in {self.blocks} h of scores"
        if self.method is Method.QUANTILE:
            return f"{asked} {found}, too few to fit a tail: how often higher ones come cannot be seen yet."
        weeks = self.blocks / BLOCKS_PER_WEEK
        if self.alarms_per_week * weeks >= 1.0:
            return f"{asked} {found}."
        return f"{asked} {found}; what comes less than once in {weeks:.1f} weeks is carried on from their tail."


def openings_at(confirmed: NDArray[np.floating], ts_ms: NDArray[np.int64], level: float) -> int:
    """Return how many alarms a level would have given: runs at or over it, one where less than 1 h apart."""
    over_ms = ts_ms[confirmed >= level]
    return int(len(over_ms) > 0) + int((np.diff(over_ms) > MERGE_MS).sum())


def rate_curve(
    confirmed: NDArray[np.floating], ts_ms: NDArray[np.int64], usable: NDArray[np.bool_], levels: ArrayLike
) -> NDArray[np.float64]:
    """Return the alarms a device-week that each of the levels would have given one device, float64[len(levels)].

    The denominator is the time covered by usable samples; NaN where there is none.
    """
    wanted = np.asarray(levels, dtype=np.float64)
    weeks = int(usable.sum()) * spacing_ms(ts_ms) / _WEEK_MS
    if weeks == 0:
        return np.full(len(wanted), np.nan)
    openings = [openings_at(confirmed[usable], ts_ms[usable], level) for level in wanted]
    return np.array(openings, dtype=np.float64) / weeks


def blocked_folds(ts_ms: NDArray[np.int64], folds: int = 3) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return (train, test) masks bool[n] of each fold: runs of days with samples, or of samples under `folds` days.

    Scores of the test part come from a detector fitted on the training part, so that a threshold is set on scores
    as they will be on data that no fit has seen (Bergmeir and Benitez, Information Sciences 191, 2012).
    """
    if folds < 2:
        raise ConfigError(f"{folds} folds cannot be crossed.", "Choose 2 or more.")
    if len(ts_ms) == 0:
        return []
    # Whole days: neighbouring scores are almost copies, and a finer cut would test on what it learnt from.
    day = np.cumsum(np.diff(ts_ms // _DAY_MS, prepend=ts_ms[0] // _DAY_MS) != 0)
    days = int(day[-1]) + 1
    fold = day * folds // days if days >= folds else np.arange(len(ts_ms)) * folds // len(ts_ms)
    tests = [fold == number for number in range(folds)]
    return [(~test, test) for test in tests if test.any() and not test.all()]
