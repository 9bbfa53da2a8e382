"""Candidates in shadow: fetched beside the live models, and what they made of things written down now and then."""

from __future__ import annotations

import logging
import threading
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from kilowatch.app.kafka_access import access_of
from kilowatch.app.models.candidates import WRITE_S, Candidates
from kilowatch.app.models.choices import KafkaChoices, chosen_in, store_of
from kilowatch.app.models.delivery import Modelled
from kilowatch.app.models.shadow import ShadowDelivery
from kilowatch.app.stores import database_settings
from kilowatch.core.records import ModelChoice
from kilowatch.errors import KilowatchError
from kilowatch.links.database import Database
from kilowatch.links.database.shadow import ShadowBook
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.topics import Topic
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kilowatch.app.edge.build import BuiltEdge
    from kilowatch.app.pipeline import StepResult
    from kilowatch.app.subject import Subject
    from kilowatch.config import Config
    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.shadow import ShadowCount, ShadowSpan

_MOST_WAITING = 20_000
_log = logging.getLogger("kilowatch.models")


class Shadowing:
    """Keeps `kilowatch.app.edge.edge.Listener`. bring: makes the delivery of candidates, once the edge is known."""

    def __init__(self, bring: Callable[[BuiltEdge], ShadowDelivery], write_s: float = WRITE_S) -> None:
        self._bring, self._write_s = bring, write_s
        self._delivery: ShadowDelivery | None = None
        self._candidates: Candidates | None = None

    def watch(self, built: BuiltEdge) -> None:
        """Begin to look for candidates, where the detector judges by models."""
        subject = built.parts.subject
        if isinstance(subject.pipeline.scorer.detector, Modelled):
            self._delivery = self._bring(built)
            self._delivery.start()
            put = partial(_write, built.parts.database)
            self._candidates = Candidates(subject, self._delivery, put, self._write_s)

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Say nothing: what the live model tells is its own."""

    def stepped(self, result: StepResult) -> None:
        """Let the candidates judge what was judged."""
        if self._candidates is not None:
            self._candidates.stepped(result)

    def close(self) -> None:
        """Write down what was seen."""
        if self._delivery is not None:
            self._delivery.close()
        if self._candidates is not None:
            self._candidates.hand_on(ending=True)


class ShadowLedger:
    """What the candidates of all partitions made of things, on its way to the database: no judge waits for that.

    A process that dies forgets what waits, a minute at most, and its heir counts the messages twice that it reads
    again: these are figures to weigh a candidate by, not to bill by.
    """

    def __init__(self, database: Database, write_s: float = WRITE_S) -> None:
        self._database, self._write_s = database, write_s
        self._waiting: list[tuple[list[ShadowCount], list[ShadowSpan]]] = []
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="shadow ledger", daemon=True)
        self._thread.start()

    def put(self, counts: list[ShadowCount], spans: list[ShadowSpan]) -> None:
        """Take what is to be written; of too much that waits the oldest is given up."""
        with self._lock:
            self._waiting = [*self._waiting, (counts, spans)][-_MOST_WAITING:]

    def write(self) -> None:
        """Write what waits; where the database is away it goes on waiting."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        try:
            while waiting:
                _write(self._database, *waiting[0])
                del waiting[0]
        except KilowatchError as error:
            _log.warning("What candidates made of things waits to be written: %s", error)
            with self._lock:
                # In front of what came meanwhile: a span may be in both, and its later state must be written last.
                self._waiting = [*waiting, *self._waiting][-_MOST_WAITING:]

    def close(self) -> None:
        """Write a last time, and end."""
        self._over.set()
        self._thread.join()
        self.write()

    def _run(self) -> None:
        while not self._over.wait(self._write_s):
            self.write()


def shadowing_of(config: Config) -> Shadowing:
    """Return what lets candidates judge; metrics of their own, so that those of the live models stay theirs."""

    def bring(built: BuiltEdge) -> ShadowDelivery:
        return ShadowDelivery(store_of(config), in_shadow(chosen_in(built.parts.database)), Metrics())

    return Shadowing(bring)


@contextmanager
def shadowing_partitions(config: Config) -> Iterator[Callable[[Subject], Candidates]]:
    """Give what lets candidates judge beside the pipeline of a partition, for a detector that judges by models."""
    access = access_of(config.kafka)
    admin = Admin(access)
    choices = KafkaChoices(access, lambda: admin.count(Topic.MODELS))
    delivery = ShadowDelivery(store_of(config), in_shadow(choices), Metrics())
    # Closed from the last to the first: the ledger writes once more while the database is still open.
    with (
        closing(Database(database_settings(config))) as database,
        closing(ShadowLedger(database)) as ledger,
        closing(delivery),
    ):
        delivery.start()
        yield lambda subject: Candidates(subject, delivery, ledger.put)


def in_shadow(chosen: Callable[[], Iterable[ModelChoice]]) -> Callable[[], Iterable[ModelChoice]]:
    """Return the candidates of what was chosen, as if they were live."""

    def candidates() -> Iterable[ModelChoice]:
        for choice in chosen():
            yield ModelChoice(kind=choice.kind, version=choice.version, live=choice.shadow)

    return candidates


def _write(database: Database, counts: list[ShadowCount], spans: list[ShadowSpan]) -> None:
    with database.begin() as transaction:
        ShadowBook(transaction.connection).add(counts, spans)
