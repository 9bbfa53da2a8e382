"""The floor: scores that know nothing, which every detector must clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.detectors.columns import PerDevice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


class RandomScore(PerDevice):
    """A number in [0, 1) from a hash of seed, device and time: the same however a stream is cut."""

    name = "random"
    needs = 1

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed

    def fit(self, slot: int, history: Series) -> None:
        """There is nothing to learn."""

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return a number for each sample that looks like chance."""
        # The seed in Python's integers: NumPy warns where a scalar overflows, while arrays wrap as the hash wants.
        device = _scattered(samples.phase.astype(np.uint64) ^ np.uint64(self.seed * int(_GOLDEN) % 2**64))
        hashed = _scattered(device ^ samples.ts_ms.astype(np.uint64))
        # 24 bits are what float32 holds exactly: more could round up to 1.
        return Scores((hashed >> np.uint64(40)).astype(np.float32) / np.float32(2**24))

    def phrase(self, facts: Mapping[str, float]) -> str:  # noqa: ARG002 - the protocol's
        """Say so."""
        return "picked at random"

    def clone(self) -> RandomScore:
        """Return the same chance."""
        return RandomScore(self.seed)


class ConstantScore(PerDevice):
    """One for every sample."""

    name = "constant"
    needs = 1

    def fit(self, slot: int, history: Series) -> None:
        """There is nothing to learn."""

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return one for each sample."""
        return Scores(np.ones(len(samples), dtype=np.float32))

    def phrase(self, facts: Mapping[str, float]) -> str:  # noqa: ARG002 - the protocol's
        """Say so."""
        return "as always"

    def clone(self) -> ConstantScore:
        """Return another."""
        return ConstantScore()


def _scattered(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return keys mixed so that neighbours share nothing (splitmix64; Steele, Lea & Flood 2014, section 3)."""
    mixed: Any = keys + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))
