"""A device that a person deletes: its judge forgets it, and who speaks under its name is met anew."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from app.homes import DAY_MS, HOUR_MS, START_MS, fleet, home, with_power
from app.lives import Registered, tick
from kilowatch.app.ingest import encode_batch
from kilowatch.app.partition import PartitionJudge
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.subject import Subject
from kilowatch.core.device import Fleet
from kilowatch.core.events import EventKind, IncidentEvent, RecordChanged
from kilowatch.core.learning import LearningPlan
from kilowatch.core.staleness import STALE
from kilowatch.detectors.registry import create
from kilowatch.links.memory import MemoryHistory

SITE = "home"
PLAN = LearningPlan(learning_days=3.0)
FAULT_MS = START_MS + 3 * DAY_MS + 6 * HOUR_MS
END_MS = FAULT_MS + 4 * HOUR_MS


def subject() -> Subject:
    history = MemoryHistory(keep_ms=PLAN.horizon_ms)
    return Subject(Pipeline(Fleet(), create("hour_of_week"), history, PipelineSettings(plan=PLAN)), history)


def deleted(ts_ms: int, device: str = "meter") -> bytes:
    return msgspec.json.encode(RecordChanged(v=1, id="d", version=2, site=SITE, device=device, ts_ms=ts_ms, gone=True))


@pytest.fixture(scope="module")
def messages() -> list[bytes]:
    """A meter that draws far too much for two hours of its fourth day; a tick after every hour."""
    story = with_power(home(3.5), 0, FAULT_MS, FAULT_MS + 2 * HOUR_MS, 9_000.0)
    story, devices, out = story.take(story.slot == 0), fleet(), list[bytes]()
    for begin_ms in range(START_MS, END_MS, HOUR_MS):
        rows = story.take((story.ts_ms >= begin_ms) & (story.ts_ms < begin_ms + HOUR_MS))
        out += [value for _, value in encode_batch(rows, devices, most=20)]
        out.append(tick(begin_ms + HOUR_MS))
    return out


def at(messages: list[bytes], ts_ms: int) -> int:
    return messages.index(tick(ts_ms)) + 1


def judged(values: list[bytes], edges: list[int] | None = None) -> PartitionJudge:
    judge = PartitionJudge(subject(), Registered(), 0, 0)
    for begin, end in itertools.pairwise([0, *(edges or []), len(values)]):
        judge.take(range(begin, end), values[begin:end])
    return judge


def of_meter(judge: PartitionJudge, since_ms: int) -> list[IncidentEvent]:
    return [event for event in judge.events if event.device == "meter" and event.ts_ms > since_ms]


def test_an_open_incident_ends_with_its_device(messages: list[bytes]) -> None:
    place = at(messages, FAULT_MS + HOUR_MS) - 3
    judge = judged([*messages[:place], deleted(FAULT_MS + HOUR_MS)])
    last = judge.events[-1]
    assert (last.kind, last.device) == (EventKind.CLEARED, "meter")
    assert last.sentence == "Meter was deleted by a person and is watched no more."
    assert judge.subject.pipeline.incidents.open == {}
    assert judge.subject.pipeline.fleet.slot(SITE, "meter") is None


def test_who_speaks_under_the_name_again_is_learnt_anew(messages: list[bytes]) -> None:
    place = at(messages, FAULT_MS - HOUR_MS)
    judge, plain = judged([*messages[:place], deleted(FAULT_MS), *messages[place:]]), judged(messages)
    told, wanted = of_meter(judge, FAULT_MS - HOUR_MS), of_meter(plain, FAULT_MS - HOUR_MS)
    assert any(event.rule == "hour_of_week" for event in wanted)
    assert not any(event.rule == "hour_of_week" for event in told), "it was judged by what is forgotten"
    pipeline, history = judge.subject.pipeline, judge.subject.history
    slot = pipeline.fleet.slot(SITE, "meter")
    assert slot is not None
    assert slot == 1
    assert history is not None
    assert len(history.series(0, pipeline.fleet.records[0], 0, 2**60)) == 0
    assert not pipeline.curriculum.has_learnt(slot)


def test_the_silence_of_a_deleted_device_is_told_to_nobody(messages: list[bytes]) -> None:
    place = at(messages, FAULT_MS - HOUR_MS)
    later = [tick(FAULT_MS + hour * HOUR_MS) for hour in range(1, 30)]
    judge, plain = judged([*messages[:place], deleted(FAULT_MS), *later]), judged([*messages[:place], *later])
    assert any(event.rule == STALE for event in of_meter(plain, FAULT_MS - HOUR_MS))
    assert of_meter(judge, FAULT_MS - HOUR_MS) == []
    assert not any("\x1f" in event.device for event in judge.events)
    assert not any("\x1f" in word.device for word in judge.learnt)


def test_any_pieces_and_a_snapshot_between_give_the_same_events(messages: list[bytes]) -> None:
    place, rng = at(messages, FAULT_MS) + 5, np.random.default_rng(5)
    values = [*messages[:place], deleted(FAULT_MS), *messages[place:]]
    whole = judged(values)
    pieces = judged(values, sorted(set(rng.integers(1, len(values), 40).tolist())))
    wanted = sorted(map(msgspec.json.encode, whole.events))
    assert sorted(map(msgspec.json.encode, pieces.events)) == wanted
    first, again = judged(values[: place + 9]), subject()
    again.load(first.subject.save())
    heir = PartitionJudge(again, Registered(), place + 9, 0)
    heir.take(range(place + 9, len(values)), values[place + 9 :])
    assert sorted(map(msgspec.json.encode, [*first.events, *heir.events])) == wanted


def test_the_word_on_a_device_that_nobody_knows_is_nothing() -> None:
    assert judged([deleted(FAULT_MS)]).events == []
