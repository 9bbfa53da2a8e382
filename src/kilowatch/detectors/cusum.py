"""Two-sided CUSUM of hourly means against the profile of the day: drift, diversion and standby growth over days.

Page, "Continuous inspection schemes", Biometrika 41 (1954), with a leak. An hour's mean less the usual mean of that
hour has a mean of zero also where power is switched, so what piles up is energy that should not be there, or is
missing. Without the leak one new season keeps the sum at its cap for good.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.samples import HOUR_MS
from kilowatch.core.segments import Segments
from kilowatch.detectors.blocks import block_means
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.day_profile import DayProfile
from kilowatch.detectors.hours import HourPieces, HourTotals
from kilowatch.detectors.spread import robust_spread
from kilowatch.detectors.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_LEAST_HOURS = 72
_ALLOWANCE = 0.5
"""Half of the shift to be found, as is usual: shifts from one spread on pile up."""
_CLIP = 4.0
_FORGET_HOURS = 24
"""After a silence of a day the sum begins anew."""
_LEAST_EDGE = 8.0
_EDGE_MARGIN = 1.5
_KEEP = 1 - 1 / 24
"""What is left of a sum after an hour: it remembers about a day."""
_CAP = 3.0
"""The sum stops at three times its edge, so that it comes down within a day or two of a fault's end."""
_UNIT = 1 / 16_384
"""Sums are whole multiples of this, so that two bytes hold them exactly."""
_ROUNDING = 1.5 * 2**52 * _UNIT
"""Added and taken away again, it leaves a float64 at the nearest whole multiple of the unit."""
_FLOOR_W, _FLOOR_OF_MEAN = 1.0, 0.02


class Cusum(PerDevice):
    """The larger of both sums over its edge; 78 bytes a device."""

    name = "cusum"
    needs = 1
    columns: ClassVar[Mapping[str, Column]] = {
        "spread_w": Column(np.float32, fill=np.nan),
        "edge": Column(np.float32, fill=np.nan),
        "above": Column(np.uint16),
        "below": Column(np.uint16),
    }
    spread_w: NDArray[np.float32]
    edge: NDArray[np.float32]
    above: NDArray[np.uint16]
    below: NDArray[np.uint16]

    def __init__(self) -> None:
        super().__init__()
        self._totals, self._profile = HourTotals(), DayProfile()
        self.parts = (self._totals, self._profile)

    def fit(self, slot: int, history: Series) -> None:
        """Learn the day of one device and how far its sums go; under 72 hours leave it as it was."""
        hours = block_means(history, HOUR_MS)
        if len(hours) < _LEAST_HOURS:
            return
        self._profile.fit(slot, hours)
        residual_w = hours.mean_w - self._profile.watts(slot, hours.index)
        floor_w = max(_FLOOR_W, _FLOOR_OF_MEAN * float(hours.mean_w.mean()))
        spread_w = max(robust_spread(residual_w), floor_w)
        self.spread_w[slot] = spread_w
        self.edge[slot] = max(_EDGE_MARGIN * _highest(residual_w / spread_w), _LEAST_EDGE)

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return the larger sum after the last whole hour, over its edge."""
        hours = self._totals.advance(samples)
        above, below = (level[hours.pieces.of_row] for level in self._advance(hours))
        raw = np.where(self.edge[samples.slot] > 0, np.maximum(above, below), np.nan)
        return Scores(raw.astype(np.float32), facts={"above": above, "below": below})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say in which direction it has gone."""
        way = "more" if facts["above"] >= facts["below"] else "less"
        return f"has drawn {way} than usual at its hours, hour after hour"

    def clone(self) -> Cusum:
        """Return the same method without devices."""
        return Cusum()

    def _advance(self, hours: HourPieces) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return both sums over their edge, float64[p], after the hour before each piece."""
        moved = np.flatnonzero(hours.moved)
        device = Segments.of_sorted(hours.slot[moved])
        silence = hours.hour[moved] - hours.last_hour[moved]
        stretches, shift = Stretches.at(device, silence > _FORGET_HOURS), self._shift(hours, moved)
        # Only a device's first piece may go on with an hour from before the batch: there the kept sums stand.
        above, below = (state[hours.slot] * np.float64(_UNIT) for state in (self.above, self.below))
        for state, levels, sign in ((self.above, above, 1.0), (self.below, below, -1.0)):
            change = (sign * shift - _ALLOWANCE) / self.edge[hours.slot[moved]]
            # An hour that was not measured adds nothing; the leak goes on.
            change[np.isnan(change)] = 0.0
            levels[moved] = stretches.segments.scan(change, stretches.before(state) * _UNIT, _step)
            state[device.slot] = levels[moved][device.ends] / _UNIT
        return above, below

    def _shift(self, hours: HourPieces, moved: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return how far the last hour lay from usual, in spreads, NaN where it does not count."""
        slot = hours.slot[moved]
        away_w = hours.last_w[moved] - self._profile.watts(slot, hours.last_hour[moved])
        shift = np.clip(away_w / self.spread_w[slot], -_CLIP, _CLIP)
        return np.where(hours.closed[moved], shift, np.nan)


def _step(level: Any, change: Any) -> Any:
    """Return the sum after a change, between 0 and the cap, in whole units."""
    # Both bounds by arithmetic: `scan` asks for a step that means the same for a float and for an array.
    moved = (level * _KEEP + change + _ROUNDING) - _ROUNDING
    room = _CAP - (moved + abs(moved)) * 0.5
    return _CAP - (room + abs(room)) * 0.5


def _highest(shifts: NDArray[np.float64]) -> float:
    """Return the highest level that either sum reaches over the given hours."""
    clipped = np.clip(shifts, -_CLIP, _CLIP)
    sides = ((sign * clipped - _ALLOWANCE).tolist() for sign in (1.0, -1.0))
    return max(max(accumulate(side, lambda level, change: max(level * _KEEP + change, 0.0))) for side in sides)
