"""The fleet of the benchmark: a million meters, each a site of its own, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.lab.bench.fleet import STEP_MS, meter_course
from kilowatch.links.kafka.topics import partition_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEVICE = "meter"
PATTERNS = 8
START_MS = 1_767_567_600_000
LEARNT_STEPS = 14 * 2880
SEASONED_STEPS = 240
"""Windows hold 200 samples; a few more and nothing about them is new."""
# Far over every course, and no more than a home's connection carries: odd, yet no error of the meter.
FAULT_W = 9_000.0
RECEIVED_AFTER_MS = 120
STEPS_AHEAD = 400


def site_of(number: int) -> str:
    """Return a meter's site."""
    return f"m{number:07d}"


def time_of(step: int) -> int:
    """Return the event time of a step, ms UTC; step 0 comes after what is learnt and seasoned."""
    return START_MS + (SEASONED_STEPS + step) * STEP_MS


def course(pattern: int, steps: int) -> NDArray[np.float64]:
    """Return watts of a pattern from the first learnt step on, float64[LEARNT_STEPS + SEASONED_STEPS + steps].

    What comes after the learnt days is their last day again, so that copies of one meter do not all alarm at once.
    """
    learnt = meter_course(pattern, LEARNT_STEPS)
    again = learnt[-2880:]
    return np.concatenate([learnt, np.resize(again, SEASONED_STEPS + steps)])


# Asked at every tick of the producer: 1,500 times in a step of 30 s.
@cache
def seen_w(step: int) -> tuple[float, ...]:
    """Return what a meter of each pattern draws at a step, W."""
    return tuple(float(_courses()[pattern][LEARNT_STEPS + SEASONED_STEPS + step]) for pattern in range(PATTERNS))


@cache
def _courses() -> list[NDArray[np.float64]]:
    return [course(pattern, STEPS_AHEAD) for pattern in range(PATTERNS)]


def head(site: str) -> bytes:
    """Return the part of a meter's messages that never changes."""
    return f'{{"v":1,"site":"{site}","device":"{DEVICE}",'.encode()


def tail(step: int, power_w: float) -> bytes:
    """Return the rest of a message."""
    ts_ms = time_of(step)
    return f'"ts_ms":{ts_ms},"received_ms":{ts_ms + RECEIVED_AFTER_MS},"power_w":{power_w:.1f}}}'.encode()


def message(site: str, step: int, power_w: float) -> bytes:
    """Return a reading as it lies in `IoTDevices`."""
    return head(site) + tail(step, power_w)


@dataclass(frozen=True)
class Meters:
    """So many meters over so many partitions."""

    devices: int
    partitions: int

    @cached_property
    def by_partition(self) -> list[list[int]]:
        """The numbers of the meters in each partition, in the order of their slots."""
        numbers: list[list[int]] = [[] for _ in range(self.partitions)]
        for number in range(self.devices):
            numbers[partition_of(site_of(number), self.partitions)].append(number)
        return numbers
