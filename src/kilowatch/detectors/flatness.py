"""A value that stays the same for far longer than it ever did: a frozen meter, a load that hangs.

Zero and a standing value are different things: an idle plug is at zero for days, and its kettle never draws the
same 2,103 W for a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import duration
from kilowatch.core.quantise import encode_watts
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.logscale import SECONDS
from kilowatch.detectors.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_LEAST_SAMPLES = 1000
_LEAST_RUN_SAMPLES = 20
"""Whatever the past: ten minutes on the finest grid are no sign of a frozen meter."""
_BEYOND = 1.5
"""The longest run of weeks is not the longest there can be."""
_BOUND = 2**31


class Flatness(PerDevice):
    """Length of the run of one value over the longest ever, idle and active apart; 10 bytes a device."""

    name = "flatness"
    needs = 2
    columns: ClassVar[Mapping[str, Column]] = {
        "idle_limit": Column(np.uint8),
        "active_limit": Column(np.uint8),
        "idle_code": Column(np.uint16),
        "flat_code": Column(np.uint16),
        "flat_run": Column(np.uint32),
    }
    idle_limit: NDArray[np.uint8]
    active_limit: NDArray[np.uint8]
    idle_code: NDArray[np.uint16]
    flat_code: NDArray[np.uint16]
    flat_run: NDArray[np.uint32]

    def fit(self, slot: int, history: Series) -> None:
        """Learn the longest runs of one device."""
        usable = history.usable
        if int(usable.sum()) < _LEAST_SAMPLES:
            return
        idle = int(encode_watts(np.array([history.record.off_below_w]))[0])
        run, is_idle = _runs(history), history.code <= idle
        self.idle_code[slot] = idle
        for limit, which in ((self.idle_limit, is_idle), (self.active_limit, ~is_idle)):
            longest = max(int(run[which & usable].max(initial=0)), _LEAST_RUN_SAMPLES)
            limit[slot] = SECONDS.encode(np.array([_BEYOND * longest * history.grid_ms / 1000]))[0]

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return the present run over the longest that is usual."""
        stretches = Stretches.of(samples)
        pieces = stretches.segments
        before = pieces.shift(samples.code, stretches.before(self.flat_code))
        begins = samples.code != before
        begins[pieces.starts[stretches.fresh]] = True
        total = pieces.running_sum(
            np.ones(len(samples), dtype=np.int64), stretches.before(self.flat_run).astype(np.int64)
        )
        run = total - pieces.fill_forward(total - 1, begins, np.zeros(len(pieces), dtype=np.int64))
        owner, ends = samples.segments.slot, samples.segments.ends
        self.flat_code[owner], self.flat_run[owner] = samples.code[ends], np.minimum(run[ends], _BOUND)
        is_idle = samples.code <= self.idle_code[samples.slot]
        limit_s = SECONDS.decode(np.where(is_idle, self.idle_limit[samples.slot], self.active_limit[samples.slot]))
        run_s = run * samples.grid_ms / 1000.0
        raw = np.where(samples.count >= self.needs, run_s / limit_s, np.nan)
        return Scores(raw.astype(np.float32), facts={"run_s": run_s, "limit_s": limit_s})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say how long it has not moved, and how long is usual."""
        run, usual = duration(1000 * facts["run_s"]), duration(1000 * facts["limit_s"] / _BEYOND)
        return f"the same value for {run}; usually for {usual} at most"

    def clone(self) -> Flatness:
        """Return the same method without devices."""
        return Flatness()


def _runs(history: Series) -> NDArray[np.int64]:
    """Return how many samples in a row had each sample's value up to it."""
    begins = np.ones(len(history), dtype=np.bool_)
    begins[1:] = (history.code[1:] != history.code[:-1]) | (history.count[1:] != history.count[:-1] + 1)
    begins[1:] |= ~history.usable[:-1]
    place = np.arange(len(history))
    return place - np.maximum.accumulate(np.where(begins, place, 0)) + 1
