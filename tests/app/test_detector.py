"""The detector service, killed at every number of its protocol: nothing is lost, nothing told twice."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from app.homes import DAY_MS, HOUR_MS, START_MS
from app.lives import (
    PARTITIONS,
    DeathError,
    Life,
    Registered,
    assert_told_once,
    dying_at,
    stories,
    subject,
    tick,
    told_straight,
)
from app.memory_kafka import MemoryBroker, MemoryWriter, place
from kilowatch.app.detector import Detector, Step
from kilowatch.app.detector_metrics import DetectorMetrics
from kilowatch.app.detector_ports import Tempo
from kilowatch.app.partition import PartitionJudge
from kilowatch.core.events import Acknowledge, EventKind, IncidentEvent, Learnt, Mute, RecordChanged
from kilowatch.core.state import NewerStateError
from kilowatch.links.kafka.client import AbortableError
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from kilowatch.links.kafka.reader import PartitionBatch


@pytest.fixture(scope="module")
def messages() -> list[list[bytes]]:
    return stories()


@pytest.fixture(scope="module")
def straight() -> list[bytes]:
    return told_straight()


def test_the_story_holds_openings_and_clearings_and_silence(straight: list[bytes]) -> None:
    events = [msgspec.json.decode(value, type=IncidentEvent) for value in straight]
    assert {EventKind.OPENED, EventKind.CLEARED, EventKind.STALE} <= {event.kind for event in events}
    assert len({event.site for event in events}) == PARTITIONS


@pytest.mark.parametrize("seed", range(3))
def test_one_life_tells_what_a_straight_replay_tells(
    messages: list[list[bytes]], straight: list[bytes], seed: int
) -> None:
    broker = MemoryBroker(messages, seed)
    Life(broker).live()
    assert_told_once(broker, straight)


@pytest.mark.parametrize("which", [0, 3])
@pytest.mark.parametrize("step", list(Step))
def test_a_death_at_any_number_of_the_protocol(
    messages: list[list[bytes]], straight: list[bytes], step: Step, which: int
) -> None:
    broker = MemoryBroker(messages, seed=step * 10 + which)
    life = Life(broker)
    for again in range(3):
        try:
            life.live(dying_at(step, which + again))
        except DeathError:
            broker.compact()
    if not life.is_done:
        life.live()
    assert_told_once(broker, straight)


def test_a_rebalance_in_the_middle_hands_state_over(messages: list[list[bytes]], straight: list[bytes]) -> None:
    broker = MemoryBroker(messages)
    life = Life(broker)
    first = life.process()
    for _ in range(6):
        first.turn()
    second = life.process()
    for _ in range(400):
        first.turn()
        second.turn()
    assert first.places == [place(0)]
    assert second.places == [place(1)]
    assert life.is_done
    second.close()
    first.turn()
    assert first.places == [place(0), place(1)]
    assert_told_once(broker, straight)
    assert [writer.is_closed for writer in life.writers] == [False, True, True, False]


def test_a_commit_that_the_broker_aborts_is_done_again(
    messages: list[list[bytes]], straight: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = itertools.cycle([True, True, False])
    original = MemoryWriter.send_offsets

    def send_offsets(self: MemoryWriter, *given: object) -> None:
        if next(fails):
            raise AbortableError("Not now.")
        original(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoryWriter, "send_offsets", send_offsets)
    broker = MemoryBroker(messages)
    Life(broker).live()
    assert_told_once(broker, straight)


def test_a_spoilt_snapshot_costs_time_and_no_incident(messages: list[list[bytes]], straight: list[bytes]) -> None:
    broker = MemoryBroker(messages)
    life = Life(broker)
    with pytest.raises(DeathError):
        life.live(dying_at(Step.SWEEP, 3))
    for partition, entries in enumerate(broker.state):
        broker.state[partition] = [
            (key, value and value[::-1]) if key.endswith("/0") else (key, value) for key, value in entries
        ]
    life.live()
    assert_told_once(broker, straight)


def test_a_snapshot_of_the_future_is_left_alone(messages: list[list[bytes]]) -> None:
    broker = MemoryBroker(messages)
    broker.write(0, "detector/0", b'{"v":2,"generation":"x","offset":1,"chunks":0,"bytes":0,"sha256":""}')
    with pytest.raises(NewerStateError):
        Life(broker).live()
    assert broker.told == []
    assert len(broker.state[0]) == 1


def test_any_pieces_give_the_same_state_and_events(messages: list[list[bytes]]) -> None:
    values, rng = messages[0], np.random.default_rng(3)
    whole, pieces = (PartitionJudge(subject(), Registered(), 0, 0) for _ in range(2))
    whole.take(range(len(values)), values)
    edges = [0, *sorted(set(rng.integers(0, len(values), 60).tolist())), len(values)]
    for begin, end in itertools.pairwise(edges):
        back = max(0, begin - int(rng.integers(0, 5)))
        pieces.take(range(back, end), values[back:end])
    assert sorted(map(msgspec.json.encode, pieces.events)) == sorted(map(msgspec.json.encode, whole.events))
    assert pieces.next_offset == whole.next_offset == len(values)


def test_a_persons_words_take_effect_at_their_place(messages: list[list[bytes]], straight: list[bytes]) -> None:
    opened = next(
        e for e in (msgspec.json.decode(v, type=IncidentEvent) for v in straight) if e.kind is EventKind.OPENED
    )
    word = {"v": 1, "id": "w", "version": 1, "site": opened.site, "device": opened.device, "ts_ms": opened.ts_ms}
    at = next(i for i, v in enumerate(messages[0]) if v == tick((opened.ts_ms // HOUR_MS + 1) * HOUR_MS))
    said = [
        msgspec.json.encode(Acknowledge(incident=opened.id, **word)),  # type: ignore[arg-type]
        tick(opened.ts_ms),
        msgspec.json.encode(Mute(until_ms=opened.ts_ms + DAY_MS, **word)),  # type: ignore[arg-type]
        msgspec.json.encode(RecordChanged(**word)),  # type: ignore[arg-type]
        b"on fire",
    ]
    judge = PartitionJudge(subject(), Registered(), 0, 0)
    judge.take(range(at + 1), messages[0][: at + 1])
    judge.take(range(at + 1, at + 1 + len(said)), said)
    told = [event for event in judge.events if event.id == opened.id]
    assert [event.evidence.acknowledged for event in told] == [False] * (len(told) - 1) + [True]
    assert judge.counts.refused == 1
    assert judge.subject.pipeline.fleet.records[0].muted_until is None


def test_the_registry_is_told_who_has_been_learnt_also_after_a_death(messages: list[list[bytes]]) -> None:
    expected = set()
    for values in messages:
        judge = PartitionJudge(subject(), Registered(), 0, 0)
        judge.take(range(len(values)), values)
        expected |= {msgspec.json.encode(word) for word in judge.learnt}
    learnt = [msgspec.json.decode(word, type=Learnt) for word in expected]
    assert {(word.site, word.device, word.ts_ms) for word in learnt} >= {("home0", "meter", START_MS + DAY_MS)}
    broker = MemoryBroker(messages, seed=3)
    life = Life(broker)
    with pytest.raises(DeathError):
        life.live(dying_at(Step.COMMIT, 3))
    life.live()
    assert set(broker.words) == expected
    assert len(broker.words) <= 2 * len(expected), "told again and again"


def test_prometheus_is_told(messages: list[list[bytes]]) -> None:
    metrics = Metrics()
    Life(MemoryBroker(messages), watcher=DetectorMetrics(metrics, "detector", now_s=lambda: 1e9)).live()
    said = metrics.exposition().decode()
    assert 'kilowatch_consumer_lag_messages{group="detector",partition="1",topic="IoTDevices"}' in said
    assert 'kilowatch_checkpoint_timestamp_seconds{service="detector"} 1e+09' in said
    samples = float(said.split("\nkilowatch_scored_samples_total ")[1].split()[0])
    assert samples > 2 * 36 * 120
    assert float(said.split("\nkilowatch_verdict_seconds_count ")[1].split()[0]) > 10


def test_a_batch_in_which_many_learn_does_not_cost_the_membership(
    messages: list[list[bytes]], straight: list[bytes]
) -> None:
    broker = MemoryBroker(messages)
    life = Life(broker)
    life.tempo = Tempo(commit_s=2, events_s=1, snapshot_s=5, breath_s=0)
    detector, turns = life.process(), 0
    while not life.is_done:
        detector.turn()
        turns += 1
    assert broker.readers[0].polls > turns, "nobody was told between lessons"
    assert_told_once(broker, straight)


def test_a_partition_that_goes_away_in_the_middle_of_a_lesson_is_judged_by_its_next_owner(
    messages: list[list[bytes]], straight: list[bytes]
) -> None:
    broker = MemoryBroker(messages)
    life = Life(broker)
    life.tempo = Tempo(commit_s=2, events_s=1, snapshot_s=5, breath_s=0)
    first = life.process()
    (reader,) = broker.readers
    others: list[Detector] = []
    polls, original = itertools.count(), reader.poll

    def poll(most: int, timeout_s: float) -> list[PartitionBatch]:
        if most == 1 and next(polls) == 1:
            others.append(life.process())
        return original(most, timeout_s)

    reader.poll = poll  # type: ignore[method-assign]
    for _ in range(3000):
        for detector in (first, *others):
            detector.turn()
        if life.is_done:
            break
    assert others[0].places == [place(1)]
    assert_told_once(broker, straight)


def test_silent_replay_tells_nothing_before_the_committed_offset(messages: list[list[bytes]]) -> None:
    judge = PartitionJudge(subject(), Registered(), 0, live_from=len(messages[0]))
    judge.take(range(len(messages[0])), messages[0])
    assert judge.events == []
    assert judge.counts.replayed == len(messages[0])


def test_messages_are_gathered_for_longer_where_a_turn_takes_long() -> None:
    tempo = Tempo(poll_s=0.05, poll_most_s=0.2)
    assert [tempo.wait_s(worked_s) for worked_s in (0.0, 0.01, 0.06, 5.0)] == [0.05, 0.05, 0.12, 0.2]
