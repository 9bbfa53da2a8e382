"""The one protocol that every detector keeps, cheap rule or network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView


@dataclass(frozen=True, slots=True)
class Scores:
    """What a detector says of n samples.

    raw: float32[n], at least 0, higher is odder, NaN where it cannot say yet. low_w, high_w: float32[n], the
    watts at which the raw score reaches 1 on either side (low may be below 0), NaN or None where it has no band: the
    pipeline widens them to the device's threshold. facts: float arrays [n] that `phrase` turns into words.
    Where several methods are combined, leader int8[n] says which of `rules` made each score.
    """

    raw: NDArray[np.float32]
    low_w: NDArray[np.float32] | None = None
    high_w: NDArray[np.float32] | None = None
    facts: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    leader: NDArray[np.int8] | None = None


@runtime_checkable
class Detector(Protocol):
    """Parameters and running state of one method for all devices, as arrays over slots.

    A score belongs to the window's last sample and looks at nothing after it. Feeding a stream in one batch or
    sample by sample gives the same scores. A window restarts where `samples.count` is 1: running state of the
    device must restart there too.
    """

    name: str
    needs: int
    """Samples a window must hold before the first score."""

    def reserve(self, devices: int) -> None:
        """Make room for so many devices; new ones are unfitted."""

    def fit(self, slot: int, history: Series) -> None:
        """Learn one device from its usable past; running state is kept. Too little history leaves it unfitted."""

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Score every sample and advance the running state past them."""

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what is odd in plain words, without a full stop: "on for 41 min; usually off after 18 min".

        facts: those of the score, with low_w and high_w, the band at the device's threshold (NaN where it has none).
        """

    def clone(self) -> Detector:
        """Return the same method with the same settings and no devices."""

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return every array over slots, by name: the snapshot and the bytes a device costs."""


@runtime_checkable
class CrossFitted(Protocol):
    """A detector that scores its own past honestly while it learns, and so saves learning it once more for that."""

    def learn(self, slot: int, history: Series, folds: int) -> NDArray[np.float32]:
        """Fit one device, and return raw scores float32[n] of its past, each from a fit that left that day out."""
