"""Detectors whose scores are plain to see, for the tests of learning, judging and replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.device import grown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

DAY_MS = 86_400_000


class Plain:
    """Raw score: watts away from the mean that was learnt, in tenths of it; NaN before."""

    name = "plain"
    needs = 1

    def __init__(self) -> None:
        self.mean_w = np.zeros(0, dtype=np.float64)

    def reserve(self, devices: int) -> None:
        self.mean_w = grown(self.mean_w, devices, np.nan)

    def fit(self, slot: int, history: Series) -> None:
        if history.usable.any():
            self.mean_w[slot] = max(1.0, float(history.power_w[history.usable].mean()))

    def score(self, samples: Samples, view: WindowView) -> Scores:
        mean_w = self.mean_w[samples.slot]
        raw = np.abs(samples.power_w - mean_w) / (0.1 * mean_w)
        low_w, high_w = (0.9 * mean_w).astype(np.float32), (1.1 * mean_w).astype(np.float32)
        return Scores(raw.astype(np.float32), low_w, high_w, {"mean_w": mean_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        return f"usually draws {facts['mean_w']:.0f} W"

    def clone(self) -> Plain:
        return type(self)()

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {"mean_w": self.mean_w}


class DaySpy(Plain):
    """Raw score 1 for a sample of a day that it has learnt from, 0 for any other; knows what it was fitted on."""

    name = "day_spy"

    def __init__(self, lessons: list[tuple[int, NDArray[np.int64]]] | None = None) -> None:
        super().__init__()
        self.lessons = [] if lessons is None else lessons
        self._days: dict[int, set[int]] = {}

    def fit(self, slot: int, history: Series) -> None:
        usable_ms = history.ts_ms[history.usable]
        self.lessons.append((slot, usable_ms))
        self._days[slot] = set((usable_ms // DAY_MS).tolist())

    def score(self, samples: Samples, view: WindowView) -> Scores:
        days = (samples.ts_ms // DAY_MS).tolist()
        known = [day in self._days.get(slot, ()) for slot, day in zip(samples.slot.tolist(), days, strict=True)]
        return Scores(np.array(known, dtype=np.float32), facts={"mean_w": np.zeros(len(known))})

    def clone(self) -> DaySpy:
        return DaySpy(self.lessons)
