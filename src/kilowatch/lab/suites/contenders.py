"""The rows of every table: all registered detectors, and the floor that they must clear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.detectors import registry
from kilowatch.detectors.floor import ConstantScore, RandomScore
from kilowatch.lab.suites.trivial import Amplitude

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.detector import Detector

CHANCE_SEEDS = (0, 1, 2, 3, 4)
DEFAULT = "default"
FLEET = "fleet"
QUICK = (DEFAULT, FLEET, "hour_of_week", RandomScore.name)


@dataclass(frozen=True, slots=True)
class Contender:
    """One detector to be measured; only chance comes with several seeds."""

    name: str
    seed: int = 0

    def create(self) -> Detector:
        """Return a fresh one; `DetectorError` where the name is not known."""
        if self.name == RandomScore.name:
            return RandomScore(self.seed)
        return Amplitude() if self.name == Amplitude.name else registry.create(self.name)


def contenders(names: Sequence[str] | None = None) -> list[Contender]:
    """Return those to be measured, all where no names are given; the shipped ones come first, the floor last."""
    chosen = list(names) if names else _all()
    for name in chosen:
        Contender(name).create()
    seeds = {RandomScore.name: CHANCE_SEEDS}
    return [Contender(name, seed) for name in chosen for seed in seeds.get(name, (0,))]


def _all() -> list[str]:
    floor = (RandomScore.name, ConstantScore.name)
    named = [str(name) for name in (getattr(registry, "Name", None) or registry.DetectorName)]
    shipped = [name for name in (DEFAULT, FLEET) if name in named]
    return [*shipped, *(name for name in named if name not in (*shipped, *floor)), Amplitude.name, *floor]
