"""What is said of a device before it has been learnt: runs that no kettle makes.

The limits are per kind and generous: a person's habits are unknown yet, only what is odd for any such appliance is
told. The score is the length of the present on-run over the kind's limit.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.device import Kind
from kilowatch.core.explain import duration
from kilowatch.core.policy import COLD_START
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

LONGEST_RUN_MIN: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.KETTLE: 20,
        Kind.MICROWAVE: 60,
        Kind.COFFEE: 240,
        Kind.OVEN: 480,
        Kind.WASHER: 360,
        Kind.DISHWASHER: 360,
        Kind.DRYER: 360,
        Kind.WATER_HEATER: 480,
        Kind.FRIDGE: 720,
        Kind.FREEZER: 720,
    }
)
"""Minutes above a tenth of the rating, or 30 W. Kinds that may run for days are not here: nothing is said of them."""

_ON_W = 30.0
_ON_SHARE = 0.1
_BOUND_MIN = 65_535


class ColdStart(PerDevice):
    """On-run over the longest that is sound for the kind; 12 bytes a device."""

    name = COLD_START
    needs = 1
    columns: ClassVar[Mapping[str, Column]] = {
        "limit_min": Column(np.uint16),
        "on_w": Column(np.float32),
        "run_s": Column(np.uint32),
    }
    limit_min: NDArray[np.uint16]
    on_w: NDArray[np.float32]
    run_s: NDArray[np.uint32]

    def meet(self, slot: int, record: DeviceRecord) -> None:
        """Take over what a device is."""
        self.limit_min[slot] = LONGEST_RUN_MIN.get(record.kind, 0)
        self.on_w[slot] = max(_ON_W, _ON_SHARE * (record.rating_w or 0.0))

    def fit(self, slot: int, history: Series) -> None:
        """Learn nothing: only the record counts."""
        self.meet(slot, history.record)

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return the present run over the limit; NaN for kinds without one."""
        limit_s = 60.0 * self.limit_min[samples.slot]
        stretches = Stretches.of(samples)
        pieces = stretches.segments
        is_on = samples.power_w >= self.on_w[samples.slot]
        before_s = stretches.before(self.run_s).astype(np.int64)
        step_s = np.where(is_on, samples.grid_ms // 1000, 0)
        # A run is the on-time so far less what it was at the last off sample, in whole seconds: any cut gives the same.
        # One from an earlier batch has no off sample here: all of it counts, with what was carried in.
        total_s = pieces.running_sum(step_s, before_s)
        ended_s = pieces.fill_forward(total_s, ~is_on, np.zeros(len(pieces), dtype=np.int64))
        run_s = total_s - ended_s
        self.run_s[samples.segments.slot] = np.minimum(run_s[samples.segments.ends], 60 * _BOUND_MIN)
        with np.errstate(divide="ignore", invalid="ignore"):
            raw = np.where(limit_s > 0, run_s / limit_s, np.nan)
        return Scores(raw.astype(np.float32), facts={"run_s": run_s.astype(np.float64), "limit_s": limit_s})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say how long it has been on, and how long is sound."""
        on, limit = duration(1000 * facts["run_s"]), duration(1000 * facts["limit_s"])
        return f"on for {on}; one of its kind is seldom on for {limit}"

    def clone(self) -> ColdStart:
        """Return the same rules without devices."""
        return ColdStart()
