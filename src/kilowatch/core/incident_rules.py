"""When odd samples become an incident, how bad it is, and when it is over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from kilowatch.core.device import DeviceRecord, Kind
from kilowatch.core.events import Severity
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Direction(StrEnum):
    """Which side of the expected band counts."""

    ABOVE = "above"
    BELOW = "below"
    BOTH = "both"


DEFAULT_FLOOR_W = 5.0

FLOOR_W: Mapping[Kind, float] = MappingProxyType(
    {
        Kind.METER: 100.0,
        Kind.SOCKETS: 20.0,
        Kind.HVAC: 20.0,
        Kind.LIFT: 20.0,
        Kind.LAMP: 2.0,
        Kind.ROUTER: 2.0,
        Kind.MEDICAL: 2.0,
    }
)
"""Watts by which a device must leave its expected band before anyone is told; others DEFAULT_FLOOR_W.

Chosen by what a person would call nothing: a lamp's 2 W is a burnt-out string of LEDs, a whole home's is noise.
"""


@dataclass(frozen=True, slots=True)
class IncidentRules:
    """Scores are public ones: 1.0 is the edge of expected.

    An incident opens at `enter`, lives while scores stay at `leave` or over, is cleared `clear_after_s` after the
    last such score, and is the same incident again when it comes back within `merge_s` of it. So alarms are
    declustered as the metrics count them: one incident per run of odd samples with no gap of `merge_s`.
    While it is open, a changed sentence is told at most every `update_s`, a risen severity at once.
    """

    enter: float = 1.0
    # Under `enter`: a score that wavers about the edge is one incident and not twenty.
    leave: float = 0.8
    warn: float = 1.5
    critical: float = 2.5
    clear_after_s: float = 600.0
    merge_s: float = 3600.0
    update_s: float = 900.0
    direction: Direction = Direction.BOTH

    def __post_init__(self) -> None:
        if not 0 < self.leave <= self.enter <= self.warn <= self.critical:
            raise ConfigError(
                f"Levels leave {self.leave}, enter {self.enter}, warn {self.warn}, critical {self.critical} must rise.",
                "The defaults are 0.8, 1.0, 1.5 and 2.5.",
            )
        if not 0 < self.clear_after_s <= self.merge_s:
            raise ConfigError(
                f"clear_after_s {self.clear_after_s} must be above 0 and at most merge_s {self.merge_s}.",
                "The defaults are 600 and 3600.",
            )

    def severity(self, score: float) -> Severity:
        """Return how bad a score is."""
        if score >= self.critical:
            return Severity.CRITICAL
        return Severity.WARN if score >= self.warn else Severity.INFO

    def concerns(self, record: DeviceRecord, observed_w: float, low_w: float, high_w: float) -> bool:
        """Return whether a sample lies on a side that counts and by enough watts.

        Inside its band, or where there is none, power is odd by its time or shape: then the side does not matter
        and the larger of what is drawn and what is expected must reach the floor. Unknown power always concerns.
        """
        over, under = _excess(observed_w, high_w), _excess(low_w, observed_w)
        floor_w = floor_of(record)
        if over > 0:
            return self.direction is not Direction.BELOW and over >= floor_w
        if under > 0:
            return self.direction is not Direction.ABOVE and under >= floor_w
        if math.isfinite(observed_w) and observed_w >= floor_w:
            return True
        return high_w >= floor_w if math.isfinite(high_w) else not math.isfinite(observed_w)


def floor_of(record: DeviceRecord) -> float:
    """Return the watts under which a deviation of the device is nothing."""
    return FLOOR_W.get(record.kind, DEFAULT_FLOOR_W) if record.min_w is None else record.min_w


def _excess(upper_w: float, lower_w: float) -> float:
    # NaN or endless where there is no band: then no side is left, and `concerns` goes by size alone.
    excess = upper_w - lower_w
    return excess if math.isfinite(excess) else 0.0
