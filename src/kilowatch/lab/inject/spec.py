"""What is asked of an injection: its kind, where, how strong, and what counts as seen."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - label files are decoded by these annotations
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray


class Family(StrEnum):
    """Where a kind comes from; leave-one-family-out is the headline of a supervised classifier."""

    THEFT = "theft"
    TELEMETRY = "telemetry"
    SENSOR = "sensor"
    APPLIANCE = "appliance"
    SHAPE = "shape"


class Injection(StrEnum):
    """Every kind of injection; `INJECTIONS` says what each means."""

    H1 = "h1"
    H2 = "h2"
    H3 = "h3"
    H4 = "h4"
    H5 = "h5"
    H6 = "h6"
    T0 = "t0"
    T7 = "t7"
    T8 = "t8"
    T9 = "t9"
    T12 = "t12"
    FDI_SCALING = "fdi_scaling"
    FDI_RAMP = "fdi_ramp"
    FDI_PULSE = "fdi_pulse"
    FDI_RANDOM = "fdi_random"
    REPLAY = "replay"
    COMMAND = "command"
    SPIKE = "spike"
    STUCK = "stuck"
    NOISE = "noise"
    OFFSET = "offset"
    GAIN = "gain"
    DRIFT = "drift"
    DROPOUT = "dropout"
    QUANTISE = "quantise"
    CLOCK_JUMP = "clock_jump"
    CLOCK_REPEAT = "clock_repeat"
    CLOCK_ORDER = "clock_order"
    UNIT = "unit"
    WRAP = "wrap"
    LONG_CYCLE = "long_cycle"
    NEVER_STOPS = "never_stops"
    SHORT_CYCLING = "short_cycling"
    STUCK_ON = "stuck_on"
    STUCK_OFF = "stuck_off"
    ELEMENT_DEGRADED = "element_degraded"
    PHANTOM = "phantom"
    WRONG_HOURS = "wrong_hours"
    INRUSH = "inrush"
    GLOBAL = "global"
    CONTEXTUAL = "contextual"
    SHAPELET = "shapelet"
    SEASONAL = "seasonal"
    TREND = "trend"
    PLATFORM = "platform"
    AMPLITUDE = "amplitude"
    PATTERN_SHIFT = "pattern_shift"
    FLIP = "flip"
    SPEED_UP = "speed_up"
    CUTOFF = "cutoff"
    AVERAGE = "average"
    SCALE = "scale"
    WANDER = "wander"
    AFFINE = "affine"


@dataclass(frozen=True, slots=True)
class InjectionSpec:
    """What is asked for, and once resolved also what was drawn, so that it can be repeated exactly.

    start_ms..end_ms: the span, end exclusive. strength: in the unit that the kind states; drawn where None. params:
    further named numbers of the kind. Only resolved ones have the rest: drawn, numbers derived or drawn on the way;
    seed; seen_ms, the first change a meter could show, None where there is none; gone_ms, an interval after the last.
    """

    kind: Injection
    start_ms: int
    end_ms: int
    strength: float | None = None
    params: Mapping[str, float] = field(default_factory=dict)
    drawn: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None
    seen_ms: int | None = None
    gone_ms: int | None = None

    @classmethod
    def lasting(
        cls,
        kind: Injection,
        start_ms: int,
        duration_s: float,
        strength: float | None = None,
        params: Mapping[str, float] | None = None,
    ) -> Self:
        """Return a spec with a duration instead of an end."""
        return cls(kind, start_ms, start_ms + round(duration_s * 1000), strength, params or {})


@dataclass(frozen=True, slots=True)
class Visibility:
    """A change counts as seen above `watts`, and above `share` of the larger of the true and the changed reading.

    The defaults are the display step of a plug (1 W) and the accuracy step of a large meter (0.1 %).
    """

    watts: float = 1.0
    share: float = 0.001

    def seen(self, before_w: NDArray[np.float64], after_w: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return where a change shows, bool[n]; a reading that goes missing or appears always does."""
        missing = np.isnan(before_w) | np.isnan(after_w)
        before, after = np.nan_to_num(before_w), np.nan_to_num(after_w)
        step = np.maximum(self.watts, self.share * np.maximum(np.abs(before), np.abs(after)))
        return np.where(missing, np.isnan(before_w) != np.isnan(after_w), np.abs(after - before) >= step)
