"""The rows of every table: all registered detectors, and the floor that they must clear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.detectors.floor import RandomScore
from kilowatch.detectors.registry import DetectorName, available, create
from kilowatch.lab.suites.trivial import Amplitude

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.detector import Detector

CHANCE_SEEDS = (0, 1, 2, 3, 4)
SHIPPED = (DetectorName.DEFAULT, DetectorName.FLEET)
FLOOR = (DetectorName.RANDOM, DetectorName.CONSTANT)
SLOW = (DetectorName.SUBSPACE, DetectorName.AUTOREGRESSIVE, DetectorName.ISOLATION_FOREST)
"""Left out of the suite that replays every device whole, unless they are asked for by name."""
QUICK = (*SHIPPED, DetectorName.HOUR_OF_WEEK, DetectorName.RANDOM)


@dataclass(frozen=True, slots=True)
class Contender:
    """One detector to be measured; only chance comes with several seeds."""

    name: str
    seed: int = 0

    def create(self) -> Detector:
        """Return a fresh one; `DetectorError` where the name is not known."""
        if self.name == DetectorName.RANDOM:
            return RandomScore(self.seed)
        return Amplitude() if self.name == Amplitude.name else create(self.name)


def contenders(names: Sequence[str] = ()) -> list[Contender]:
    """Return those to be measured, all where no names are given; the shipped ones come first, the floor last."""
    chosen = list(names) if names else _all()
    for name in chosen:
        # For its error alone: a name that nobody knows is found out now, and not after an hour.
        Contender(name).create()
    return [Contender(name, seed) for name in chosen for seed in _seeds(name)]


def swift(chosen: Sequence[Contender]) -> list[Contender]:
    """Return the contenders without the slow ones."""
    return [one for one in chosen if one.name not in SLOW]


def one_chance_each(chosen: Sequence[Contender], number: int) -> tuple[Contender, ...]:
    """Return the contenders for one device of many: chance gets another seed on each."""
    seeds = [one.seed for one in chosen if one.name == DetectorName.RANDOM] or [0]
    seed = seeds[number % len(seeds)]
    return tuple(one for one in chosen if one.name != DetectorName.RANDOM or one.seed == seed)


def _seeds(name: str) -> tuple[int, ...]:
    return CHANCE_SEEDS if name == DetectorName.RANDOM else CHANCE_SEEDS[:1]


def _all() -> list[str]:
    single = [name.value for name in available() if name not in (*SHIPPED, *FLOOR)]
    return [*SHIPPED, *single, Amplitude.name, *FLOOR]
