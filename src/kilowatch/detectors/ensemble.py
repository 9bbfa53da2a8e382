"""Several methods as one detector: the default, and what a fleet can afford.

Each member is calibrated on days that did not fit it, so that 1 is what it gives about once a week; the ensemble's
score is the sum of what its members say: several half-loud ones add up. Where a member that `leads` fits a device, the
loudest counts, and others only beyond their weekly height: what ends its runs by itself is judged by its runs first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.calibrate import blocked_folds
from kilowatch.core.detector import Detector, Scores
from kilowatch.core.playback import play
from kilowatch.detectors.bank import Bank
from kilowatch.detectors.columns import PerDevice
from kilowatch.detectors.flatness import Flatness
from kilowatch.detectors.hour_of_week import HourOfDay, HourOfWeek
from kilowatch.detectors.jump import Jump
from kilowatch.detectors.levels import Levels
from kilowatch.detectors.normaliser import Normaliser
from kilowatch.detectors.run_length import RunLength

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_FOLDS = 3
_SHORT, _MORE_FOLDS = 2000, 8
"""A past of so few samples is cut into more folds, or a member that learns from most of it cannot from two thirds."""
_SPEAKS = 0.5
_RULE = 0.7
"""A rule that sees one thing counts for less than the bank, which sees the whole window."""


@dataclass(frozen=True, slots=True)
class Member:
    """A method and how much it counts.

    weekly: the score that it gives about once a week by construction; NaN where that has to be found out for each
    device. leads: where it fits a device, the others follow: what they say beyond 1 counts, times `follows`.
    """

    detector: Detector
    weight: float = 1.0
    weekly: float = np.nan
    leads: bool = False
    follows: float = 0.5


class Ensemble(PerDevice):
    """The sum of its members' normalised scores, the largest where one leads.

    Facts are named `method.fact`. `leader` is the first member, in the order given, that alone reaches half of the
    highest: put first what people understand best.
    """

    def __init__(self, name: str, members: tuple[Member, ...], *, fine: bool = True) -> None:
        super().__init__()
        self.name = name
        self.members = members
        self.rules = tuple(member.detector.name for member in members)
        self.needs = min(member.detector.needs for member in members)
        self._leads = np.array([member.leads for member in members])
        self._fine = fine
        self._normaliser = Normaliser(len(members), fine=fine)

    def reserve(self, devices: int) -> None:
        """Make room for so many devices; new ones are unfitted."""
        self._normaliser.reserve(devices)
        for member in self.members:
            member.detector.reserve(devices)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return every array over slots, by name."""
        arrays = self._normaliser.state()
        for member in self.members:
            arrays |= {f"{member.detector.name}.{name}": array for name, array in member.detector.state().items()}
        return arrays

    def fit(self, slot: int, history: Series) -> None:
        """Fit each member on all of one device's past, and calibrate it by folds of days."""
        self.learn(slot, history, _FOLDS)

    def learn(self, slot: int, history: Series, folds: int) -> NDArray[np.float32]:
        """Fit, and return the scores of the past float32[n], each from members that did not learn from that day."""
        said = [np.full(len(history), np.nan, dtype=np.float32) for _ in self.members]
        folds = _MORE_FOLDS if len(history) < _SHORT else folds if self._fine else _FOLDS
        for train, test in blocked_folds(history.ts_ms, folds):
            taught, tested = history.part(train), history.part(test)
            for member, raw in zip(self.members, said, strict=True):
                raw[test] = _scores_of_another(member.detector, taught, tested)
        for method, (member, raw) in enumerate(zip(self.members, said, strict=True)):
            member.detector.fit(slot, history)
            # The past was scored whole, so that runs and windows go on; what learning looks away from sets no scale.
            normal = np.where(history.usable, raw, np.float32(np.nan))
            self._normaliser.calibrate(slot, method, normal, history.ts_ms)
        return self._combined(self._heights(np.full(len(history), slot, dtype=np.int32), said))

    def _heights(self, slots: NDArray[np.int32], said: list[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return each member's weighted height, float64[n, members], below 0 where it says nothing."""
        heights = np.column_stack([self._height(slots, method, raw) for method, raw in enumerate(said)])
        follows = np.array([member.follows for member in self.members])
        led = np.flatnonzero(self._is_led(heights))
        own = heights[led]
        heights[led] = np.where(self._leads, own, follows * np.maximum(own - 1.0, 0.0))
        # Below 0 is not yet known, 0 is nothing odd: the score is NaN only where no member knows.
        return np.nan_to_num(heights * np.array([member.weight for member in self.members]), nan=-1.0)

    def _is_led(self, heights: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return where a member that leads says something, bool[n]."""
        return np.asarray((heights[:, self._leads] >= 0).any(axis=1))

    def _combined(self, heights: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the sum of what members say; where one leads, the largest."""
        known, positive = (heights >= 0).any(axis=1), np.maximum(heights, 0.0)
        total = np.where(self._is_led(heights), positive.max(axis=1), positive.sum(axis=1))
        return np.where(known, total, np.nan).astype(np.float32)

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the combined score, the band of the member that has one, and whose score was the largest."""
        said = [member.detector.score(samples, view) for member in self.members]
        heights = self._heights(samples.slot, [one.raw for one in said])
        raw = self._combined(heights)
        leader = (heights >= _SPEAKS * heights.max(axis=1)[:, None]).argmax(axis=1).astype(np.int8)
        facts = {f"{rule}.{key}": v for rule, one in zip(self.rules, said, strict=True) for key, v in one.facts.items()}
        low_w, high_w = self._band(samples.slot, said)
        return Scores(
            raw,
            low_w,
            high_w,
            {**facts, "leader": leader.astype(np.float32)},
            rules=self.rules,
            leader=leader,
        )

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say it in the words of the member whose score was the largest."""
        member = self.members[int(facts["leader"])].detector
        own = f"{member.name}."
        band = {key: facts[key] for key in ("low_w", "high_w") if key in facts}
        said = {key.removeprefix(own): value for key, value in facts.items() if key.startswith(own)}
        return member.phrase(said | band)

    def clone(self) -> Ensemble:
        """Return the same members without devices."""
        members = (replace(member, detector=member.detector.clone()) for member in self.members)
        return Ensemble(self.name, tuple(members), fine=self._fine)

    def _height(self, slots: NDArray[np.int32], method: int, raw: NDArray[np.float32]) -> NDArray[np.float64]:
        weekly = self.members[method].weekly
        if np.isnan(weekly):
            return self._normaliser.normalise(slots, method, raw)
        return raw.astype(np.float64) / weekly

    def _band(
        self, slots: NDArray[np.int32], said: list[Scores]
    ) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        """Return the band of the first member that has one, where that member's height is 1."""
        for method, one in enumerate(said):
            if one.low_w is not None and one.high_w is not None:
                middle = (one.low_w + one.high_w) * np.float32(0.5)
                reach = (one.high_w - middle) * self._normaliser.weekly(slots, method)
                return middle - reach, middle + reach
        return None, None


def default() -> Ensemble:
    """Return what kilowatch runs where nothing else is asked for."""
    return Ensemble(
        "default",
        (
            Member(RunLength(), weekly=6.0, leads=True),
            Member(Flatness(), weight=_RULE),
            Member(Jump(), weight=_RULE),
            Member(Levels(), weight=_RULE),
            Member(Bank(stride=2), follows=0.0),
            # Weight 0: its score counts for nothing, it is here for its band of what is usual, which no other has.
            Member(HourOfWeek(), weight=0.0),
        ),
    )


def fleet() -> Ensemble:
    """Return what a million meters can afford: under 1 KB a device with its window, and no window is looked at."""
    members = (
        Member(RunLength(), weekly=6.0, leads=True),
        Member(Flatness()),
        Member(Jump()),
        Member(HourOfDay()),
    )
    return Ensemble("fleet", members, fine=False)


def _scores_of_another(detector: Detector, taught: Series, tested: Series) -> NDArray[np.float32]:
    """Return raw scores of one part of a past from the same method fitted on another part."""
    fold = detector.clone()
    fold.reserve(1)
    fold.fit(0, taught)
    return play(fold, tested).raw
