"""The detector service, killed at every number of its protocol: nothing is lost, nothing told twice."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar

import msgspec
import numpy as np
import pytest

from app.homes import DAY_MS, HOUR_MS, START_MS, fleet, home, with_power, without
from app.memory_kafka import MemoryBroker, MemoryReader, MemoryWriter, place
from kilowatch.app.detector import Detector, Step
from kilowatch.app.detector_metrics import DetectorMetrics
from kilowatch.app.detector_ports import Links, Tempo
from kilowatch.app.ingest import encode_batch
from kilowatch.app.partition import PartitionJudge
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.snapshots import Snapshots
from kilowatch.app.subject import Subject
from kilowatch.core.device import DeviceRecord, Fleet, Kind
from kilowatch.core.events import Acknowledge, EventKind, IncidentEvent, Learnt, Mute, RecordChanged, Tick
from kilowatch.core.learning import LearningPlan
from kilowatch.core.state import NewerStateError
from kilowatch.detectors.registry import create
from kilowatch.links.kafka.client import AbortableError
from kilowatch.links.memory import MemoryHistory
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.onlooker import Watcher
    from kilowatch.links.kafka.place import Place
    from kilowatch.links.kafka.reader import Hooks, PartitionBatch

PLAN = LearningPlan(learning_days=1, refit_days=0.3)
FAULT_MS = START_MS + DAY_MS + 2 * HOUR_MS
PARTITIONS = 2


KETTLE = msgspec.structs.replace(fleet().records[2], kind=Kind.KETTLE)
"""One that is on for five hours is odd before anything has been learnt."""


class Registered:
    """Every home has the same devices."""

    known: ClassVar = {record.device: record for record in (*fleet().records, KETTLE)}

    def record(self, site: str, device: str, version: int = 0) -> DeviceRecord:
        return msgspec.structs.replace(self.known[device], site=site)


def tick(ts_ms: int) -> bytes:
    return msgspec.json.encode(Tick(v=1, received_ms=ts_ms))


def messages_of(site: str, seed: int) -> list[bytes]:
    """A day and a half of a home with faults, 20 readings a message and a tick after every hour."""
    story = with_power(home(1.5, seed), 0, FAULT_MS, FAULT_MS + HOUR_MS, 9_000.0)
    story = without(story, 0, FAULT_MS + 4 * HOUR_MS, FAULT_MS + 6 * HOUR_MS)
    story = story.take(story.slot != 1)
    devices = Fleet([msgspec.structs.replace(record, site=site) for record in fleet().records])
    out = []
    for begin_ms in range(START_MS, START_MS + 36 * HOUR_MS, HOUR_MS):
        rows = story.take((story.ts_ms >= begin_ms) & (story.ts_ms < begin_ms + HOUR_MS))
        out += [value for _, value in encode_batch(rows, devices, most=20)]
        out.append(tick(begin_ms + HOUR_MS))
    return out


@pytest.fixture(scope="module")
def messages() -> list[list[bytes]]:
    return [messages_of(f"home{number}", number) for number in range(PARTITIONS)]


def subject() -> Subject:
    history = MemoryHistory(keep_ms=PLAN.horizon_ms)
    return Subject(Pipeline(Fleet(), create("jump"), history, PipelineSettings(plan=PLAN)), history)


@pytest.fixture(scope="module")
def straight(messages: list[list[bytes]]) -> list[bytes]:
    """What one judge says of each partition that reads it in one piece."""
    told = []
    for values in messages:
        judge = PartitionJudge(subject(), Registered(), 0, 0)
        judge.take(range(len(values)), values)
        told += [msgspec.json.encode(event) for event in judge.events]
    return told


class DeathError(Exception):
    """kill -9."""


class Life:
    """Processes that die and are followed by others, until everything has been read."""

    def __init__(self, broker: MemoryBroker, watcher: Watcher | None = None) -> None:
        self.broker, self.watcher = broker, watcher
        self.tempo = Tempo(commit_s=2, events_s=1, snapshot_s=5)
        self.tokens, self.time = itertools.count(), itertools.count()
        self.writers: list[MemoryWriter] = []

    def process(self, reached: Callable[[Step], None] = lambda _: None) -> Detector:
        links = Links(
            reader=self._reader,
            writer=self._writer,
            snapshots=Snapshots(self.broker, "detector", f"t{next(self.tokens)}"),
            records=Registered(),
            subject=subject,
        )
        return Detector(links, self.tempo, self.watcher, clock=lambda: float(next(self.time)) / 10, reached=reached)

    def _reader(self, hooks: Hooks) -> MemoryReader:
        return MemoryReader(self.broker, hooks)

    def _writer(self, one: Place) -> MemoryWriter:
        self.writers.append(MemoryWriter(self.broker, one))
        return self.writers[-1]

    @property
    def is_done(self) -> bool:
        return all(
            self.broker.committed.get(place(number), 0) == len(values)
            for number, values in enumerate(self.broker.messages)
        )

    def live(self, reached: Callable[[Step], None] = lambda _: None) -> None:
        """Run one process until all is read or it dies."""
        detector = self.process(reached)
        try:
            for _ in range(3000):
                if self.is_done:
                    return
                detector.turn()
        finally:
            for reader in list(self.broker.readers):
                reader.die()
        raise AssertionError("never done")


def dying_at(step: Step, which: int) -> Callable[[Step], None]:
    met = itertools.count()

    def reached(now: Step) -> None:
        if now is step and next(met) == which:
            raise DeathError(f"{step.name} {which}")

    return reached


def assert_told_once(broker: MemoryBroker, straight: list[bytes]) -> None:
    assert sorted(broker.told) == sorted(straight)


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


def test_who_is_replaced_without_knowing_tells_nothing_more(messages: list[list[bytes]], straight: list[bytes]) -> None:
    broker = MemoryBroker(messages)
    life = Life(broker)
    asleep = life.process()
    for _ in range(6):
        asleep.turn()
    (sleeper,) = broker.readers
    broker.readers.clear()
    life.live()
    told = list(broker.told)
    sleeper.wanted = list(sleeper._at)
    while asleep.places:
        asleep.turn()
    # A heartbeat has told the sleeper by now that the group has given it up.
    sleeper.wanted = []
    for _ in range(40):
        asleep.turn()
    assert broker.told == told
    assert asleep.places == []
    assert_told_once(broker, straight)


def test_whom_the_broker_alone_has_fenced_takes_its_partition_over_anew(
    messages: list[list[bytes]], straight: list[bytes]
) -> None:
    broker = MemoryBroker(messages)
    life = Life(broker)
    alone = life.process()
    for _ in range(6):
        alone.turn()
    broker.epochs[place(1)] += 1
    shut_out_at = next(life.time)
    while place(1) in alone.places:
        alone.turn()
    while place(1) not in alone.places:
        alone.turn()
    assert (next(life.time) - shut_out_at) / 10 >= life.tempo.shut_out_s, "another may have it"
    for _ in range(400):
        alone.turn()
    assert life.is_done
    assert_told_once(broker, straight)


def test_what_a_fence_shut_us_out_of_stays_with_whom_the_group_gives_it(
    messages: list[list[bytes]], straight: list[bytes]
) -> None:
    broker = MemoryBroker(messages)
    life = Life(broker)
    first = life.process()
    for _ in range(6):
        first.turn()
    broker.epochs[place(1)] += 1
    while place(1) in first.places:
        first.turn()
    second = life.process()
    for _ in range(400):
        first.turn()
        second.turn()
    assert (first.places, second.places) == ([place(0)], [place(1)])
    assert life.is_done
    assert_told_once(broker, straight)


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
