"""The fleet of the benchmark: a million meters, each a site of its own, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
FAULTY_EVERY = 1000
"""0.1 % of the devices are faulty."""
FAULT_W = 9_000.0
RECEIVED_AFTER_MS = 120


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
