"""Candidates beside the live models of one pipeline: taken at a step, and what they made of things handed on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kilowatch.app.models.shadow import ShadowJudge
from kilowatch.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kilowatch.app.models.shadow import ShadowDelivery
    from kilowatch.app.pipeline import StepResult
    from kilowatch.app.subject import Subject
    from kilowatch.core.device import Kind
    from kilowatch.core.shadow import ShadowCount, ShadowSpan
    from kilowatch.nets.runtime import Model

WRITE_S = 60.0


class Candidates:
    """Whatever a delivery brings judges what the subject has judged. put: takes counts and spans now and then."""

    def __init__(
        self,
        subject: Subject,
        delivery: ShadowDelivery,
        put: Callable[[list[ShadowCount], list[ShadowSpan]], None],
        put_s: float = WRITE_S,
    ) -> None:
        self._subject, self._delivery, self._put, self._put_s = subject, delivery, put, put_s
        self._taken: Mapping[Kind, Model] = {}
        self._judge: ShadowJudge | None = None
        self._put_at_s = time.monotonic()

    def stepped(self, result: StepResult, is_news: bool = True) -> None:
        """Let the candidates judge what was judged and is news."""
        if not is_news:
            return
        self._switch()
        if self._judge is None:
            return
        for judged in result.judged:
            self._judge.take(judged)
        if time.monotonic() - self._put_at_s >= self._put_s:
            self.hand_on()

    def hand_on(self, *, ending: bool = False) -> None:
        """Hand on what was counted since the last time; ending: also the spans that are not over."""
        self._put_at_s = time.monotonic()
        if self._judge is None:
            return
        counts, spans = self._judge.taken(ending=ending)
        if counts or spans:
            self._put(counts, spans)

    def _switch(self) -> None:
        if self._delivery.live is self._taken:
            return
        # Before the judge is replaced: what it has counted belongs to the candidates that it had.
        self.hand_on(ending=True)
        self._taken, self._judge = self._delivery.live, None
        if self._taken:
            try:
                detector = self._subject.pipeline.scorer.detector.clone()
                self._judge = ShadowJudge(self._subject, detector, self._taken)
            except ModelError as error:
                for model in self._taken.values():
                    self._delivery.refuse(model.sha256, error)
