"""From samples to verdicts: the detector's raw score, confirmed k of n, over the device's threshold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.confirm import Bursts, Confirm
from kilowatch.core.incident import Hot
from kilowatch.core.judged import Judged
from kilowatch.core.on_since import OFF
from kilowatch.core.quantise import decode_watts
from kilowatch.core.threshold import Thresholds, public_score
from kilowatch.core.window import WindowRing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector, Scores
    from kilowatch.core.samples import Samples, Series


@dataclass(frozen=True, slots=True)
class Scored:
    """Samples with raw scores float32[n], alone and confirmed; NaN where nothing can be said or the value is held.

    watching bool[n]: whose score is the detector's; the others are still learning and have that of the cold start,
    which is None where all are watched.
    """

    samples: Samples
    watching: NDArray[np.bool_]
    scores: Scores
    cold: Scores | None
    raw: NDArray[np.float32]
    confirmed: NDArray[np.float32]


class Scorer:
    """The detector, what stands in for it while a device is learnt, windows and confirmation, for all devices."""

    def __init__(self, detector: Detector, cold_start: Detector, confirm: Confirm | None = None) -> None:
        self.detector = detector
        self.cold_start = cold_start
        self.ring = WindowRing()
        self.confirm = confirm or Confirm()

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        for part in (self.detector, self.cold_start, self.ring, self.confirm):
            part.reserve(devices)

    def score(self, samples: Samples, watching: NDArray[np.bool_]) -> Scored:
        """Return the samples scored, and move on past them."""
        view = self.ring.view(samples)
        scores = self.detector.score(samples, view)
        cold = None if watching.all() else self.cold_start.score(samples, view)
        # Only now: the new samples take the places of the oldest ones that both detectors read through the view.
        self.ring.commit(view)
        raw = scores.raw if cold is None else np.where(watching, scores.raw, cold.raw)
        # Held samples are scored to move running state on; a value that nobody sent is no evidence.
        raw = np.where(samples.held, np.float32(np.nan), raw)
        return Scored(samples, watching, scores, cold, raw, self.confirm.update(samples, raw))


class Judge:
    """Thresholds for one wanted rate of alarms, and since when each device has been odd by them."""

    def __init__(self, scorer: Scorer, alarms_per_week: float | None = None) -> None:
        self.thresholds = Thresholds()
        self.bursts = Bursts(scorer.confirm.n)
        self._scorer = scorer
        self._alarms_per_week = alarms_per_week

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        self.thresholds.reserve(devices)
        self.bursts.reserve(devices)

    def learn(self, slot: int, series: Series, confirmed: NDArray[np.float32]) -> None:
        """Set a device's threshold from confirmed raw scores of its past that its detector had not learnt from."""
        per_week = self._alarms_per_week or series.record.alarms_per_week
        self.thresholds.fit(slot, confirmed, series.ts_ms, series.usable, per_week)

    def keep_in_sight(self, slot: int, confirmed: NDArray[np.float32]) -> None:
        """Hold a device's threshold at or under the highest of these scores, float32[n]; nothing without any."""
        known = confirmed[~np.isnan(confirmed)]
        if len(known):
            self.thresholds.lower(slot, float(known.max()))

    def judge(
        self, scored: Scored, leave: float, on_since_ms: NDArray[np.int64] | None = None
    ) -> tuple[Judged, list[Hot]]:
        """Return the samples judged, and those whose score reaches `leave`, their own and the confirmed one.

        on_since_ms: int64[n] of `OnSince.observe`, where those are to tell it.
        """
        samples, scores = scored.samples, scored.scores
        level = self.thresholds.follow(samples, scored.confirmed)
        if scored.cold is not None:
            # The cold start divides by its own limit already.
            level = np.where(scored.watching, level, np.float32(1.0))
        low_w, high_w = _band(scores, level)
        judged = Judged(
            samples=samples,
            score=public_score(scored.raw, level),
            confirmed=public_score(scored.confirmed, level),
            low_w=low_w,
            high_w=high_w,
            watching=scored.watching,
        )
        since_ms = self.bursts.since(samples, judged.score)
        # Its own score as well: the k-th largest of n stays high for a while when all is as expected again.
        rows = np.flatnonzero((judged.confirmed >= leave) & (judged.score >= leave) & ~samples.held)
        hots = [self._hot(int(row), judged, scored, int(since_ms[row])) for row in rows]
        if on_since_ms is None:
            return judged, hots
        runs = on_since_ms[rows].tolist()
        return judged, [
            replace(hot, on_since_ms=None if run == OFF else run) for hot, run in zip(hots, runs, strict=True)
        ]

    def _hot(self, row: int, judged: Judged, scored: Scored, since_ms: int) -> Hot:
        samples = judged.samples
        ts_ms = int(samples.ts_ms[row])
        rule, phrase = self._words(row, judged, scored)
        return Hot(
            slot=int(samples.slot[row]),
            ts_ms=ts_ms,
            score=float(judged.confirmed[row]),
            peak=float(judged.score[row]),
            since_ms=ts_ms if since_ms < 0 else since_ms,
            rule=rule,
            observed_w=float(decode_watts(samples.code[row : row + 1])[0]),
            low_w=float(judged.low_w[row]),
            high_w=float(judged.high_w[row]),
            phrase=phrase,
            historical=bool(samples.historical[row]),
        )

    def _words(self, row: int, judged: Judged, scored: Scored) -> tuple[str, str]:
        if scored.cold is not None and not scored.watching[row]:
            detector, scores = self._scorer.cold_start, scored.cold
        else:
            detector, scores = self._scorer.detector, scored.scores
        facts = {name: float(values[row]) for name, values in scores.facts.items()}
        facts |= {"low_w": float(judged.low_w[row]), "high_w": float(judged.high_w[row])}
        rule = detector.name if scores.leader is None else scores.rules[int(scores.leader[row])]
        return rule, detector.phrase(facts)


def _band(scores: Scores, level: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the band in which a device may move before its score passes the threshold."""
    if scores.low_w is None or scores.high_w is None:
        none = np.full(len(level), np.nan, dtype=np.float32)
        return none, none
    middle = (scores.low_w + scores.high_w) * np.float32(0.5)
    reach = level * (scores.high_w - middle)
    return np.maximum(middle - reach, np.float32(0.0)).astype(np.float32), (middle + reach).astype(np.float32)
