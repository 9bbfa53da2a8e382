"""A candidate model beside the live one: it judges the same samples, and nobody but a table hears of it.

It learns each device from the history that the live detector learns from, when that one does. Its scores reach no
incident, intent or metric: they are compared with the live verdict, counted, and kept as spans of time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.app.models.delivery import Delivery, Modelled
from kilowatch.core.judge import Judge, Scorer
from kilowatch.core.learning import Teacher
from kilowatch.core.playback import as_samples
from kilowatch.core.shadow import SPAN_GAP_MS, ShadowCount, ShadowSpan, Verdicts
from kilowatch.detectors.cold_start import ColdStart
from kilowatch.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.app.subject import Subject
    from kilowatch.core.detector import Detector
    from kilowatch.core.device import Kind
    from kilowatch.core.judged import Judged
    from kilowatch.core.samples import Samples
    from kilowatch.nets.runtime import Model

_log = logging.getLogger("kilowatch.models")


class ShadowDelivery(Delivery):
    """Brings candidates: `choices` name them as live; it speaks of them as what they are."""

    def _show(self) -> None:
        for kind, model in self.live.items():
            _log.info("Model %s scores in shadow for %s.", model.sha256[:12], kind.value)


class ShadowJudge:
    """One set of candidates over the samples of one pipeline. Not for several threads; counts: since they were taken.

    `ModelError` where the detector will not judge by one of the models.
    """

    def __init__(self, subject: Subject, detector: Detector, models: Mapping[Kind, Model]) -> None:
        if not isinstance(detector, Modelled):
            raise ModelError("This detector judges by no model.", "Set detector.name to a network.")
        detector.adopt(models)
        self._pipeline, self._history = subject.pipeline, subject.history
        self._models, self._detector = models, detector
        self._scorer = Scorer(detector, ColdStart())
        settings = subject.pipeline.settings
        self._judge = Judge(self._scorer, settings.alarms_per_week)
        self._teacher = Teacher(self._scorer, (self._judge,), settings.plan)
        self._plan, self._leave = settings.plan, settings.rules.leave
        self._window = max((model.window for model in models.values()), default=1)
        self._lessons: dict[int, int] = {}
        self._counts: dict[int, ShadowCount] = {}
        self._spans: dict[int, ShadowSpan] = {}
        self._over: list[ShadowSpan] = []

    def take(self, judged: Judged) -> None:
        """Judge what the live detector has judged, and compare."""
        # Until a device is watched its live score is that of the cold start, with which no candidate competes.
        ours = judged.watching & self._is_ours(judged.samples.slot)
        if not ours.any():
            return
        samples = judged.samples.keep(ours)
        self._reserve()
        known = self._learnt(samples)
        if not known.any():
            return
        samples, live = samples.keep(known), judged.confirmed[ours][known]
        shadow, _ = self._judge.judge(self._scorer.score(samples, np.ones(len(samples), dtype=np.bool_)), self._leave)
        for slot, start, length in zip(
            samples.segments.slot.tolist(), samples.segments.starts, samples.segments.lengths, strict=True
        ):
            rows = slice(int(start), int(start + length))
            self._compare(slot, samples.ts_ms[rows], live[rows], shadow.confirmed[rows])

    def taken(self, *, ending: bool = False) -> tuple[list[ShadowCount], list[ShadowSpan]]:
        """Return what was counted since the last time, and all spans that are over; ending: the others too."""
        counts, self._counts = list(self._counts.values()), {}
        # Open spans go along, and again when they have grown: the table replaces one that begins at the same time.
        spans, self._over = [*self._over, *self._spans.values()], []
        if ending:
            self._spans = {}
        return counts, spans

    def _is_ours(self, slots: NDArray[np.int32]) -> NDArray[np.bool_]:
        records = self._pipeline.fleet.records
        kinds = {slot: records[slot].kind in self._models for slot in np.unique(slots).tolist()}
        return np.fromiter((kinds[slot] for slot in slots.tolist()), dtype=np.bool_, count=len(slots))

    def _reserve(self) -> None:
        size = len(self._pipeline.fleet)
        self._scorer.reserve(size)
        self._judge.reserve(size)

    def _learnt(self, samples: Samples) -> NDArray[np.bool_]:
        """Return which samples are of devices that the candidate has learnt, after the lessons that are due."""
        segments = samples.segments
        known = np.zeros(len(samples), dtype=np.bool_)
        for slot, start, length in zip(segments.slot.tolist(), segments.starts, segments.lengths, strict=True):
            due_ms = int(self._pipeline.curriculum.due_ms[slot])
            if self._lessons.get(slot) != due_ms:
                self._lessons[slot] = due_ms
                self._learn(slot, int(samples.ts_ms[start]))
            known[start : start + length] = slot in self._lessons
        return known

    def _learn(self, slot: int, until_ms: int) -> None:
        """Learn a device from its past, and look at its last window so that the next sample has one."""
        if self._history is None:
            return
        record = self._pipeline.fleet.records[slot]
        past = self._history.series(slot, record, until_ms - self._plan.horizon_ms, until_ms)
        if not len(past):
            return
        self._teacher.teach(slot, past)
        last = as_samples(past.part(slice(max(0, len(past) - self._window), None)), slot)
        self._scorer.ring.commit(self._scorer.ring.view(last))

    def _compare(
        self, slot: int, ts_ms: NDArray[np.int64], live: NDArray[np.float32], shadow: NDArray[np.float32]
    ) -> None:
        # Where one of the two can say nothing they neither agree nor differ.
        both = ~np.isnan(live) & ~np.isnan(shadow)
        if not both.any():
            return
        ts_ms, live, shadow = ts_ms[both], live[both], shadow[both]
        odd_live, odd_shadow = live >= np.float32(1.0), shadow >= np.float32(1.0)
        count = self._count(slot, int(ts_ms[0]))
        count.samples += len(ts_ms)
        count.last_ms = int(ts_ms[-1])
        count.verdicts.add(odd_live, odd_shadow)
        for row in np.flatnonzero(odd_live | odd_shadow).tolist():
            span = self._span(slot, int(ts_ms[row]))
            span.verdicts.add(odd_live[row : row + 1], odd_shadow[row : row + 1])
            span.live_peak = max(span.live_peak, float(live[row]))
            span.shadow_peak = max(span.shadow_peak, float(shadow[row]))

    def _count(self, slot: int, ts_ms: int) -> ShadowCount:
        if slot not in self._counts:
            record, (live, model) = self._pipeline.fleet.records[slot], self._hashes(slot)
            self._counts[slot] = ShadowCount(
                site=record.site,
                device=record.device,
                kind=record.kind.value,
                live=live,
                model=model,
                first_ms=ts_ms,
                last_ms=ts_ms,
                samples=0,
                verdicts=Verdicts(),
            )
        return self._counts[slot]

    def _span(self, slot: int, ts_ms: int) -> ShadowSpan:
        """Return the span that an odd sample belongs to, moved on to it."""
        span = self._spans.get(slot)
        if span is not None and ts_ms - span.to_ms > SPAN_GAP_MS:
            self._over.append(span)
            span = None
        if span is None:
            record, (live, model) = self._pipeline.fleet.records[slot], self._hashes(slot)
            span = self._spans[slot] = ShadowSpan(
                site=record.site,
                device=record.device,
                live=live,
                model=model,
                from_ms=ts_ms,
                to_ms=ts_ms,
                verdicts=Verdicts(),
                live_peak=0.0,
                shadow_peak=0.0,
            )
        span.to_ms = ts_ms
        return span

    def _hashes(self, slot: int) -> tuple[str, str]:
        live = self._pipeline.scorer.detector
        kind = self._pipeline.fleet.records[slot].kind
        return live.model_of(slot) if isinstance(live, Modelled) else "", self._models[kind].sha256
