"""The confusion matrix of a window classifier, each share with its Wilson interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ReadingError
from kilowatch.lab.measure.intervals import Share

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of windows: odd and found, odd and missed, normal and flagged, normal and passed."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int

    @classmethod
    def of(cls, predicted: ArrayLike, actual: ArrayLike) -> Confusion:
        """Count predictions against labels, both bool[n] or 0/1."""
        said, is_odd = np.asarray(predicted).astype(np.bool_), np.asarray(actual).astype(np.bool_)
        if said.shape != is_odd.shape:
            raise ReadingError(
                f"{said.size} predictions came with {is_odd.size} labels.", "Give one label for each window."
            )
        pairs = ((said & is_odd), (~said & is_odd), (said & ~is_odd), (~said & ~is_odd))
        return cls(*(int(pair.sum()) for pair in pairs))

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(
            self.true_positive + other.true_positive,
            self.false_negative + other.false_negative,
            self.false_positive + other.false_positive,
            self.true_negative + other.true_negative,
        )

    @property
    def total(self) -> int:
        """How many windows were judged."""
        return self.true_positive + self.false_negative + self.false_positive + self.true_negative

    @property
    def base_rate(self) -> Share:
        """Odd windows of all: no accuracy is printed without it."""
        return Share(self.true_positive + self.false_negative, self.total)

    @property
    def accuracy(self) -> Share:
        """Windows judged right, of all."""
        return Share(self.true_positive + self.true_negative, self.total)

    @property
    def recall(self) -> Share:
        """Odd windows found (TPR)."""
        return Share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def fall_out(self) -> Share:
        """Normal windows flagged (FPR)."""
        return Share(self.false_positive, self.false_positive + self.true_negative)

    @property
    def precision(self) -> Share:
        """Flagged windows that are odd."""
        return Share(self.true_positive, self.true_positive + self.false_positive)
