"""A candidate beside the live model: it changes nothing, what differs is counted and kept, and evidence is weighed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
import pytest

from app.homes import DAY_MS, HOUR_MS, START_MS, fleet, meter, with_power
from kilowatch.app.models.candidates import Candidates
from kilowatch.app.models.shadow import ShadowJudge
from kilowatch.app.models.shadowing import Shadowing, ShadowLedger
from kilowatch.app.partition import PartitionJudge
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.subject import Subject
from kilowatch.core.device import Kind
from kilowatch.core.events import WIRE_V, EventKind, LabelWord, ReadingColumns
from kilowatch.core.learning import LearningPlan
from kilowatch.core.records import KnownIncident
from kilowatch.core.shadow import ShadowCount, ShadowSpan, Verdicts, weigh
from kilowatch.detectors.ewma import Ewma
from kilowatch.errors import ModelError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.database.shadow import ShadowBook
from kilowatch.links.memory import MemoryHistory
from links.databases import database, database_url
from links.incidents import OPENED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.core.detector import Scores
    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.core.samples import Samples
    from kilowatch.core.window import WindowView
    from kilowatch.nets.runtime import Model

__all__ = ["database", "database_url"]
TWIN, BLIND = "a" * 64, "b" * 64


def model(sha256: str) -> Model:
    return cast("Model", SimpleNamespace(sha256=sha256, window=10))


class ByModel(Ewma):
    """Judges as EWMA does; the blind model's score falls where that of the other rises."""

    def __init__(self) -> None:
        super().__init__()
        self.live: Mapping[Kind, Model] = {}

    def adopt(self, live: Mapping[Kind, Model]) -> None:
        if any(one.sha256 == "c" * 64 for one in live.values()):
            raise ModelError("It looks at another grid.", "Train one for this.")
        self.live = live

    def model_of(self, slot: int) -> str:
        return self.live[Kind.METER].sha256 if Kind.METER in self.live else "live"

    def score(self, samples: Samples, view: WindowView) -> Scores:
        scores = super().score(samples, view)
        if self.model_of(0) != BLIND:
            return scores
        return replace(scores, raw=(np.float32(1.0) / (np.float32(1.0) + scores.raw)).astype(np.float32))

    def clone(self) -> ByModel:
        return ByModel()


def subject_() -> Subject:
    history = MemoryHistory()
    plan = LearningPlan(learning_days=1.0, refit_days=1.0)
    return Subject(Pipeline(fleet(), ByModel(), history, PipelineSettings(plan=plan)), history)


FAULT = START_MS + 3 * DAY_MS + 6 * HOUR_MS
DAYS = with_power(meter(4.0), 0, FAULT, FAULT + 2 * HOUR_MS, 4000.0)


def live_through(shadow: Any = None) -> tuple[Subject, list[IncidentEvent]]:
    """Live through days with a fault; shadow: made of the subject, takes what was judged."""
    subject = subject_()
    judge = None if shadow is None else shadow(subject)
    events = []
    for from_ms in range(START_MS, START_MS + 4 * DAY_MS, 2 * HOUR_MS):
        result = subject.pipeline.step(DAYS.take((DAYS.ts_ms >= from_ms) & (DAYS.ts_ms < from_ms + 2 * HOUR_MS)))
        events += result.events
        if judge is not None:
            for judged in result.judged:
                judge.take(judged)
    return subject, events


def judged_by(sha256: str) -> tuple[list[ShadowCount], list[ShadowSpan], list[IncidentEvent]]:
    kept: list[ShadowJudge] = []

    def beside(subject: Subject) -> ShadowJudge:
        kept.append(ShadowJudge(subject, ByModel(), {Kind.METER: model(sha256)}))
        return kept[0]

    _, events = live_through(beside)
    return *kept[0].taken(ending=True), events


def test_a_candidate_changes_nothing_of_what_the_live_model_says() -> None:
    _, alone = live_through()
    counts, spans, beside = judged_by(BLIND)
    assert alone == beside
    assert [event for event in alone if event.kind is EventKind.OPENED]
    assert counts
    assert spans


def test_a_twin_says_the_same() -> None:
    counts, spans, _ = judged_by(TWIN)
    count = counts[0]
    assert (count.device, count.kind, count.live, count.model) == ("meter", "meter", "live", TWIN)
    assert count.samples >= 2880
    assert count.verdicts.agreed_odd > 100
    assert count.verdicts.live_alone + count.verdicts.shadow_alone < 0.02 * count.samples
    assert any(span.from_ms <= FAULT + HOUR_MS <= span.to_ms and not span.is_disagreement for span in spans)


def test_what_a_blind_candidate_misses_is_seen() -> None:
    counts, spans, events = judged_by(BLIND)
    missed = [span for span in spans if span.is_disagreement and span.verdicts.live_alone > 100]
    assert len(missed) == 1
    assert missed[0].from_ms >= FAULT
    assert missed[0].live_peak > 1.0 > missed[0].shadow_peak
    last = [event for event in events if event.first_ms >= FAULT - HOUR_MS]
    real = KnownIncident(event=last[0], opened_ms=FAULT, cleared_ms=None, label=LabelWord.REAL)
    evidence = weigh(counts, spans, [real])
    assert (evidence.real, evidence.real_found, evidence.wrong) == (1, 0, 0)
    assert evidence.agreement < 1.0


def test_devices_of_other_kinds_are_left_alone() -> None:
    kept: list[ShadowJudge] = []

    def beside(subject: Subject) -> ShadowJudge:
        kept.append(ShadowJudge(subject, ByModel(), {Kind.FRIDGE: model(TWIN)}))
        return kept[0]

    live_through(beside)
    assert kept[0].taken(ending=True) == ([], [])


def test_a_model_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ModelError, match="another grid"):
        ShadowJudge(subject_(), ByModel(), {Kind.METER: model("c" * 64)})
    with pytest.raises(ModelError, match="no model"):
        ShadowJudge(subject_(), Ewma(), {Kind.METER: model(TWIN)})


def count(samples: int, **verdicts: int) -> ShadowCount:
    return ShadowCount(
        site="home",
        device="fridge",
        kind="fridge",
        live="",
        model=TWIN,
        first_ms=1,
        last_ms=samples,
        samples=samples,
        verdicts=Verdicts(**verdicts),
    )


def span(from_ms: int, to_ms: int, **verdicts: int) -> ShadowSpan:
    return ShadowSpan(
        site="home",
        device="fridge",
        live="",
        model=TWIN,
        from_ms=from_ms,
        to_ms=to_ms,
        verdicts=Verdicts(**verdicts),
        live_peak=2.0,
        shadow_peak=0.5,
    )


def test_counts_add_up_and_a_span_that_goes_on_is_replaced(database: Database) -> None:
    with database.begin() as books:
        book = ShadowBook(books.connection)
        book.add([count(100, live_alone=3)], [span(10, 20, live_alone=3)])
        book.add([count(50, live_alone=1, agreed_odd=2)], [span(10, 40, live_alone=4)])
    with database.read() as books:
        book = ShadowBook(books.connection)
        assert book.counts(TWIN) == [
            msgspec.structs.replace(count(150, live_alone=4, agreed_odd=2), first_ms=1, last_ms=50)
        ]
        assert book.spans(TWIN) == [span(10, 40, live_alone=4)]
        assert book.models() == {TWIN: 150}
    with database.begin() as books:
        ShadowBook(books.connection).forget(TWIN)
        assert ShadowBook(books.connection).models() == {}


def test_evidence_is_what_people_said() -> None:
    def said(word: LabelWord | None, first_ms: int) -> KnownIncident:
        event = msgspec.structs.replace(OPENED, first_ms=first_ms, last_ms=first_ms + 1000)
        return KnownIncident(event=event, opened_ms=first_ms, cleared_ms=None, label=word)

    incidents = [
        said(LabelWord.REAL, 5 * HOUR_MS),
        said(LabelWord.REAL, 9 * HOUR_MS),
        said(LabelWord.WRONG, 14 * HOUR_MS),
        said(LabelWord.HARMLESS, 5 * HOUR_MS),
        said(None, 5 * HOUR_MS),
        said(LabelWord.REAL, 0),
    ]
    seen = [span(5 * HOUR_MS, 6 * HOUR_MS, agreed_odd=4), span(14 * HOUR_MS, 15 * HOUR_MS, live_alone=9)]
    evidence = weigh([count(2880, agreed_odd=4, live_alone=9)], seen, incidents)
    assert (evidence.real, evidence.real_found) == (2, 1)
    assert (evidence.wrong, evidence.wrong_silent) == (2, 1)
    assert (evidence.live_spans, evidence.shadow_spans, evidence.days) == (2, 1, 1.0)
    assert evidence.agreement == pytest.approx(1 - 9 / 2880)


def test_the_edge_takes_candidates_as_they_are_chosen_and_writes_down(database: Database) -> None:
    subject = subject_()
    delivery = SimpleNamespace(live={Kind.METER: model(BLIND)}, start=lambda: None, close=lambda: None)
    built = SimpleNamespace(parts=SimpleNamespace(subject=subject, database=database))
    shadowing = Shadowing(lambda _: cast("Any", delivery), write_s=0.0)
    shadowing.watch(cast("Any", built))
    for from_ms in range(START_MS, START_MS + 4 * DAY_MS, 4 * HOUR_MS):
        part = DAYS.take((DAYS.ts_ms >= from_ms) & (DAYS.ts_ms < from_ms + 4 * HOUR_MS))
        shadowing.stepped(subject.pipeline.step(part))
    shadowing.close()
    with database.read() as books:
        book = ShadowBook(books.connection)
        assert book.models()[BLIND] >= 2000
        assert any(one.is_disagreement for one in book.spans(BLIND))


class Unknown:
    """A registry that knows nobody."""

    def record(self, site: str, device: str, version: int = 0) -> None:
        return None


def messages(batch: ReadingBatch, most: int = 120) -> list[bytes]:
    """A meter's readings as they lie in a partition."""
    parts = [batch.take(slice(begin, begin + most)) for begin in range(0, len(batch), most)]
    names = [record.device for record in fleet().records]
    return [
        msgspec.json.encode(
            ReadingColumns(
                v=WIRE_V,
                site="home",
                device=[names[slot] for slot in part.slot.tolist()],
                ts_ms=part.ts_ms.tolist(),
                power_w=part.power_w.tolist(),
            )
        )
        for part in parts
    ]


def test_a_partition_lets_candidates_judge_what_is_news_and_tells_the_same_without_them(database: Database) -> None:
    delivery = SimpleNamespace(live={Kind.METER: model(BLIND)})
    subject, alone, values = subject_(), subject_(), messages(DAYS)
    news_from = len(values) * 7 // 8
    with closing(ShadowLedger(database, write_s=3600.0)) as ledger:
        candidates = Candidates(subject, cast("Any", delivery), ledger.put, put_s=0.0)
        judge = PartitionJudge(subject, Unknown(), 0, news_from, candidates.stepped)
        plain = PartitionJudge(alone, Unknown(), 0, news_from)
        for begin in range(0, len(values), 7):
            part = values[begin : begin + 7]
            for one in (judge, plain):
                one.take(range(begin, begin + len(part)), part)
        candidates.hand_on(ending=True)
    assert [event.id for event in judge.events] == [event.id for event in plain.events]
    with database.read() as books:
        (count,) = ShadowBook(books.connection).counts(BLIND)
    assert count.samples <= len(DAYS) // 8 + 120, "what was told before is not counted again"
    assert count.samples > len(DAYS) // 16


def test_while_the_database_is_away_counts_wait(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    whose = {"site": "home", "device": "meter", "live": "", "model": TWIN}
    count = ShadowCount(**whose, kind="meter", first_ms=1, last_ms=2, samples=5, verdicts=Verdicts())
    away = Database(DatabaseSettings("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    ledger = ShadowLedger(away, write_s=3600.0)
    ledger.put([count], [])
    ledger.write()
    assert "waits to be written" in caplog.text
    ledger._database = database
    ledger.close()
    away.close()
    with database.read() as books:
        assert ShadowBook(books.connection).models() == {TWIN: 5}
