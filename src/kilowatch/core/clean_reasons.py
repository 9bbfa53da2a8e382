"""Why a reading was repaired, marked or rejected, in names for machines and sentences for people."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Outcome(IntEnum):
    """What became of a reading."""

    ACCEPTED = 0
    REPAIRED = 1
    REJECTED = 2


class Reason(IntEnum):
    """One reason a reading, the weightiest that applies: larger numbers win; LATE and above are rejected."""

    NONE = 0
    FLOAT_NOISE = 1
    FROZEN = 2
    CLOCK_AHEAD = 3
    ENERGY_JUMP = 4
    COUNTER_WRAP = 5
    COUNTER_RESET = 6
    MISREAD_ZERO = 7
    UNIT_SLIP = 8
    CLOCK_JUMP = 9
    LATE = 10
    DUPLICATE = 11
    NEGATIVE = 12
    IMPOSSIBLE_POWER = 13
    NOT_A_NUMBER = 14
    BAD_TIME = 15

    @property
    def label(self) -> str:
        """The name that metrics, files and the rejected stream carry."""
        return self.name.lower()

    @property
    def sentence(self) -> str:
        """What it means, in one plain sentence."""
        return _SENTENCES[self]

    @property
    def outcome(self) -> Outcome:
        """What becomes of a reading with this reason."""
        return Outcome(int(OUTCOME_OF[self]))


_SENTENCES = {
    Reason.NONE: "The reading was taken as it came.",
    Reason.FLOAT_NOISE: "The power differed from zero only by the meter's noise and was set to zero.",
    Reason.FROZEN: "The power has repeated one value for far longer than it ever has before.",
    Reason.CLOCK_AHEAD: "The device's clock was more than a minute ahead; the time of arrival was taken instead.",
    Reason.ENERGY_JUMP: "The energy register moved over a silence, or by more than the device could have drawn.",
    Reason.COUNTER_WRAP: "The energy register passed its last digit and began again; the step was put together.",
    Reason.COUNTER_RESET: "The energy register fell back; energy is counted on from the new value.",
    Reason.MISREAD_ZERO: "The power read zero while the register kept its pace; the value before was held.",
    Reason.UNIT_SLIP: "The power was a thousand times off, watts for kilowatts, and was scaled back.",
    Reason.CLOCK_JUMP: "The device's clock went back and stayed there; it is followed on its new time.",
    Reason.LATE: "The reading is older than one already taken in and can no longer enter the window.",
    Reason.DUPLICATE: "The reading repeats the newest one of its device; the first one counts.",
    Reason.NEGATIVE: "The power is below zero; feeding into the grid is not watched.",
    Reason.IMPOSSIBLE_POWER: "The power is over four times the device's rating, or over 10 MW.",
    Reason.NOT_A_NUMBER: "The power is not a finite number.",
    Reason.BAD_TIME: "The time lies before 2000 or after 2099: the device's clock is not set.",
}

# Not here are FROZEN, ENERGY_JUMP and CLOCK_JUMP: they mark a reading and change nothing of it.
_REPAIRED = (
    Reason.FLOAT_NOISE,
    Reason.CLOCK_AHEAD,
    Reason.COUNTER_WRAP,
    Reason.COUNTER_RESET,
    Reason.MISREAD_ZERO,
    Reason.UNIT_SLIP,
)

OUTCOME_OF = np.zeros(len(Reason), dtype=np.uint8)
"""uint8[reasons]: the `Outcome` of each `Reason`, to index with arrays of reasons."""
OUTCOME_OF[list(_REPAIRED)] = Outcome.REPAIRED
OUTCOME_OF[Reason.LATE :] = Outcome.REJECTED
OUTCOME_OF.setflags(write=False)
