"""A value that stands still far longer than it ever did: a frozen meter, a mean reported in place of readings.

Only the time between changes counts, so any level may freeze. Where a device usually rests flat (off, standby),
that level is not judged: an idle plug is no frozen plug.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import duration, watts
from kilowatch.core.quantise import decode_watts, encode_watts
from kilowatch.core.samples import HOUR_MS
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.logscale import SECONDS
from kilowatch.detectors.stretches import Stretches, cut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_LEAST_MS = 24 * HOUR_MS
_OF_USUAL_STEP = 0.1
"""Changes below this part of the usual one are the last digit flickering."""
_REST_FLAT = 20
"""Samples without change that make a rest."""
_REST_SHARE = 0.02
_HIGHEST = np.iinfo(np.uint16).max
_REST_MARGIN = 1.2
_LEAST_EDGE = 10
"""Samples: shorter than this, equal readings are chance."""


class Flatness(PerDevice):
    """Time without change over the longest such time; 8 bytes a device."""

    name = "flatness"
    needs = 2
    columns: ClassVar[Mapping[str, Column]] = {
        "edge": Column(np.uint8),
        "tolerance": Column(np.uint8),
        "moves_from": Column(np.uint16),
        "flat": Column(np.int32),
    }
    edge: NDArray[np.uint8]
    tolerance: NDArray[np.uint8]
    moves_from: NDArray[np.uint16]
    flat: NDArray[np.int32]

    def fit(self, slot: int, history: Series) -> None:
        """Learn how long one device stands still; under a day leave it as it was."""
        past = history if history.usable.all() else history.part(history.usable)
        if len(past) * past.grid_ms < _LEAST_MS:
            return
        code = past.code.astype(np.int32)
        fresh = np.diff(past.count, prepend=0) != 1
        step = np.abs(np.diff(code, prepend=code[:1]))
        tolerance = _tolerance(step[~fresh])
        begin = np.flatnonzero(fresh | (step > tolerance))
        length = np.diff(begin, append=len(code))
        moves_from = _moves_from(past, code[begin], length)
        longest = int(length[code[begin] >= moves_from].max(initial=1)) - 1
        self.tolerance[slot], self.moves_from[slot] = tolerance, moves_from
        edge_s = max(longest, _LEAST_EDGE) * past.grid_ms / 1000
        self.edge[slot] = SECONDS.encode(np.array([edge_s]))[0]

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the time without change over the longest known; 0 where the device usually rests."""
        slot, first = samples.slot, samples.count == 1
        step = np.abs(samples.code.astype(np.int32) - view.lagged(1).astype(np.int32))
        # A held value was not measured: it is neither a change nor evidence that the value stands still.
        changed = (step > self.tolerance[slot]) & ~samples.held | first
        flat_s = self._advance(samples, changed) * (samples.grid_ms / 1000)
        edge_s = SECONDS.decode(self.edge[slot])
        # 0 times the edge, not 0: it stays NaN for a device that was never fitted.
        raw = np.where(samples.code >= self.moves_from[slot], flat_s / edge_s, 0.0 * edge_s)
        raw[first] = np.nan
        facts = {"flat_s": flat_s, "usual_flat_s": edge_s, "power_w": samples.power_w.astype(np.float64)}
        return Scores(raw.astype(np.float32), facts=facts)

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say for how long it has not changed, and what is usual."""
        flat, usual = duration(1000 * facts["flat_s"]), duration(1000 * facts["usual_flat_s"])
        return f"unchanged at {watts(facts['power_w'])} for {flat}; never more than {usual} before"

    def clone(self) -> Flatness:
        """Return the same method without devices."""
        return Flatness()

    def _advance(self, samples: Samples, changed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the samples since each device's last change, and move past them; held values are none."""
        stretches = Stretches.of(samples)
        pieces = stretches.segments
        carried = pieces.shift(np.zeros(len(samples), dtype=np.int64), stretches.before(self.flat))
        runs = cut(pieces, changed)
        still = (~changed & ~samples.held).astype(np.int64)
        flat = runs.running_sum(still, np.where(changed, 0, carried)[runs.starts])
        self.flat[samples.segments.slot] = flat[samples.segments.ends]
        return flat


def _tolerance(step: NDArray[np.int32]) -> int:
    """Return the largest change, in codes, that counts as none."""
    moved = step[step > 0]
    return min(int(_OF_USUAL_STEP * np.median(moved)), 255) if len(moved) else 0


def _moves_from(past: Series, level: NDArray[np.int32], length: NDArray[np.int64]) -> int:
    """Return the code from which standing still is odd: above the level of rest, 0 where it does not rest.

    level: the codes, length: the samples of the times without change.
    """
    # The 5 % quantile: what the device draws where it does least.
    place = len(past) // 20
    low_w = _REST_MARGIN * float(decode_watts(np.partition(past.code, place)[place : place + 1])[0])
    rest = int(encode_watts(np.array([max(low_w, past.record.off_below_w)]))[0])
    resting = (level <= rest) & (length >= _REST_FLAT)
    return min(rest + 1, _HIGHEST) if length[resting].sum() >= _REST_SHARE * len(past) else 0
