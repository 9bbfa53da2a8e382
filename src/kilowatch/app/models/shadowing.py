"""Candidates in shadow on the edge: fetched beside the live models, taken at a step, written down now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kilowatch.app.models.choices import chosen_in, store_of
from kilowatch.app.models.delivery import Modelled
from kilowatch.app.models.shadow import ShadowDelivery, ShadowJudge
from kilowatch.core.records import ModelChoice
from kilowatch.errors import ModelError
from kilowatch.links.database.shadow import ShadowBook
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kilowatch.app.edge.build import BuiltEdge
    from kilowatch.app.pipeline import StepResult
    from kilowatch.config import Config
    from kilowatch.core.device import Kind
    from kilowatch.core.events import IncidentEvent
    from kilowatch.nets.runtime import Model

_WRITE_S = 60.0


class Shadowing:
    """Keeps `kilowatch.app.edge.edge.Listener`. bring: makes the delivery of candidates, once the edge is known."""

    def __init__(self, bring: Callable[[BuiltEdge], ShadowDelivery], write_s: float = _WRITE_S) -> None:
        self._bring, self._write_s = bring, write_s
        self._built: BuiltEdge | None = None
        self._delivery: ShadowDelivery | None = None
        self._taken: Mapping[Kind, Model] = {}
        self._judge: ShadowJudge | None = None
        self._written_s = time.monotonic()

    def watch(self, built: BuiltEdge) -> None:
        """Begin to look for candidates, where the detector judges by models."""
        if isinstance(built.parts.subject.pipeline.scorer.detector, Modelled):
            self._built, self._delivery = built, self._bring(built)
            self._delivery.start()

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Say nothing: what the live model tells is its own."""

    def stepped(self, result: StepResult) -> None:
        """Let the candidates judge what was judged."""
        self._switch()
        if self._judge is None:
            return
        for judged in result.judged:
            self._judge.take(judged)
        if time.monotonic() - self._written_s >= self._write_s:
            self._write()

    def close(self) -> None:
        """Write down what was seen."""
        if self._delivery is not None:
            self._delivery.close()
        self._write(ending=True)

    def _switch(self) -> None:
        if self._built is None or self._delivery is None or self._delivery.live is self._taken:
            return
        self._write(ending=True)
        self._taken, self._judge = self._delivery.live, None
        subject = self._built.parts.subject
        if self._taken:
            try:
                self._judge = ShadowJudge(subject, subject.pipeline.scorer.detector.clone(), self._taken)
            except ModelError as error:
                for model in self._taken.values():
                    self._delivery.refuse(model.sha256, error)

    def _write(self, *, ending: bool = False) -> None:
        self._written_s = time.monotonic()
        if self._judge is None or self._built is None:
            return
        counts, spans = self._judge.taken(ending=ending)
        if counts or spans:
            with self._built.parts.database.begin() as transaction:
                ShadowBook(transaction.connection).add(counts, spans)


def shadowing_of(config: Config) -> Shadowing:
    """Return what lets candidates judge; metrics of their own, so that those of the live models stay theirs."""

    def bring(built: BuiltEdge) -> ShadowDelivery:
        chosen = chosen_in(built.parts.database)

        def candidates() -> Iterable[ModelChoice]:
            for choice in chosen():
                yield ModelChoice(kind=choice.kind, version=choice.version, live=choice.shadow)

        return ShadowDelivery(store_of(config), candidates, Metrics())

    return Shadowing(bring)
