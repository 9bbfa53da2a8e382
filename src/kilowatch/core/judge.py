"""From samples to verdicts: the detector's raw score, confirmed k of n, over the device's threshold."""

from __future__ import annotations

from dataclasses import dataclass
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
    from collections.abc import Iterator

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
        if not len(rows):
            return judged, []
        runs = np.full(len(samples), OFF) if on_since_ms is None else on_since_ms
        return judged, self._hots(rows, judged, scored, since_ms, runs)

    def _hots(
        self,
        rows: NDArray[np.intp],
        judged: Judged,
        scored: Scored,
        since_ms: NDArray[np.int64],
        on_since_ms: NDArray[np.int64],
    ) -> list[Hot]:
        """Return the odd samples as objects, made column by column: in a storm they are most of a batch."""
        samples = judged.samples
        columns = (
            samples.slot[rows],
            samples.ts_ms[rows],
            judged.confirmed[rows],
            judged.score[rows],
            np.where(since_ms < 0, samples.ts_ms, since_ms)[rows],
            decode_watts(samples.code[rows]),
            judged.low_w[rows],
            judged.high_w[rows],
            samples.historical[rows],
            on_since_ms[rows],
        )
        return [
            Hot(
                slot=slot,
                ts_ms=ts_ms,
                score=score,
                peak=peak,
                since_ms=since,
                rule=rule,
                observed_w=observed_w,
                low_w=low_w,
                high_w=high_w,
                phrase=phrase,
                historical=historical,
                on_since_ms=None if run == OFF else run,
            )
            for (rule, phrase), slot, ts_ms, score, peak, since, observed_w, low_w, high_w, historical, run in zip(
                self._words(rows, judged, scored), *(column.tolist() for column in columns), strict=True
            )
        ]

    def _words(self, rows: NDArray[np.intp], judged: Judged, scored: Scored) -> list[tuple[str, str]]:
        """Return the rule that leads at each row, and what it has to say."""
        made: list[tuple[str, str]] = [("", "")] * len(rows)
        warm = scored.watching[rows] if scored.cold is not None else np.ones(len(rows), dtype=np.bool_)
        for detector, scores, at in (
            (self._scorer.detector, scored.scores, np.flatnonzero(warm)),
            (self._scorer.cold_start, scored.cold, np.flatnonzero(~warm)),
        ):
            if scores is not None and len(at):
                for place, words in zip(at.tolist(), _said(detector, scores, judged, rows[at]), strict=True):
                    made[place] = words
        return made


def _said(detector: Detector, scores: Scores, judged: Judged, rows: NDArray[np.intp]) -> Iterator[tuple[str, str]]:
    """Yield what a detector says of each of these rows."""
    names = [*scores.facts, "low_w", "high_w"]
    values = [*scores.facts.values(), judged.low_w, judged.high_w]
    facts = zip(*(column[rows].tolist() for column in values), strict=True)
    leaders = [detector.name] * len(rows)
    if scores.leader is not None:
        leaders = [scores.rules[leader] for leader in scores.leader[rows].tolist()]
    for rule, one in zip(leaders, facts, strict=True):
        yield rule, detector.phrase(dict(zip(names, one, strict=True)))


def _band(scores: Scores, level: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the band in which a device may move before its score passes the threshold."""
    if scores.low_w is None or scores.high_w is None:
        none = np.full(len(level), np.nan, dtype=np.float32)
        return none, none
    middle = (scores.low_w + scores.high_w) * np.float32(0.5)
    reach = level * (scores.high_w - middle)
    return np.maximum(middle - reach, np.float32(0.0)).astype(np.float32), (middle + reach).astype(np.float32)
