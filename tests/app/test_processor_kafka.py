"""The processor on real brokers: what is acknowledged is there, once, whatever is killed."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from supervisor import kafka

from app.fuzz import as_mended, malformed
from app.live import processing, reading, readings_in, until, values_in
from app.logs import ListSource
from components.fixtures import needing_components
from kilowatch.app.ingest.gate import Accepted, Gate
from kilowatch.app.redrive import RejectedMessages
from kilowatch.core.events import Rejected, RejectReason, Tick
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.settings import Access
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisor.kafka import Cluster

    from kilowatch.links.source import SourceMessage

pytestmark = pytest.mark.kafka
READINGS = 20_000
SEEN_MS = 1_767_225_600_000


def assert_each_once(access: Access, readings: int = READINGS) -> None:
    found = Counter(one.seq for one in readings_in(access))
    assert set(found) == set(range(readings)), "readings were lost"
    assert set(found.values()) == {1}, "readings came twice"


def test_readings_and_ticks_arrive_stamped_and_by_site(kafka_topics: Access) -> None:
    source = ListSource([reading(number) for number in range(1000)], SEEN_MS)
    with processing(kafka_topics, source) as processor:
        until(lambda: len(source.acknowledged) == 1000, "readings were not acknowledged")
        until(lambda: processor.counts.ticks >= 4, "no ticks")
    assert_each_once(kafka_topics, 1000)
    assert {one.received_ms for one in readings_in(kafka_topics)} == {SEEN_MS}
    ticks = [value for value in values_in(kafka_topics, Topic.DEVICES) if b'"control"' in value]
    assert all(msgspec.json.decode(tick, type=Tick).received_ms > SEEN_MS for tick in ticks)
    assert processor.counts.published == 1000


@contextmanager
def own_cluster(plan: kafka.Plan) -> Iterator[tuple[Cluster, Access]]:
    with needing_components() as folder, kafka.running(folder, plan) as cluster:
        access = Access(cluster.bootstrap)
        Admin(access).create(4, replication=min(3, plan.brokers))
        yield cluster, access


def test_a_broker_that_is_killed_and_comes_back_loses_and_doubles_nothing() -> None:
    with own_cluster(kafka.Plan()) as (cluster, access):
        source = ListSource(reading(number) for number in range(READINGS))
        with processing(access, source):
            until(lambda: len(source.acknowledged) > READINGS // 4, "no progress")
            cluster.kill(1)
            cluster.start(1)
            until(lambda: len(source.acknowledged) == READINGS, "not all readings were acknowledged")
        assert_each_once(access)


def test_three_brokers_go_on_without_the_one_that_led() -> None:
    with own_cluster(kafka.Plan(brokers=3, heap_mb=384)) as (cluster, access):
        source = ListSource(reading(number) for number in range(READINGS))
        with processing(access, source):
            until(lambda: len(source.acknowledged) > READINGS // 4, "no progress")
            cluster.kill(leader(access))
            until(lambda: len(source.acknowledged) == READINGS, "not all readings were acknowledged")
        assert_each_once(access)


def leader(access: Access) -> int:
    from kilowatch.links.kafka.client import kafka as library

    client = library().admin.AdminClient({"bootstrap.servers": access.bootstrap})
    return int(client.list_topics(timeout=10).topics[Topic.DEVICES].partitions[0].leader)


@pytest.mark.zookeeper
def test_the_same_on_kafka_with_zookeeper() -> None:
    with needing_components() as folder, kafka.with_zookeeper(folder) as cluster:
        access = Access(cluster.bootstrap)
        Admin(access).create(4)
        assert Admin(access).check(4) == []
        source = ListSource([reading(number) for number in range(5000)] + [b"on fire"])
        with processing(access, source):
            until(lambda: len(source.acknowledged) == 5001, "not all readings were acknowledged")
        assert_each_once(access, 5000)
        with closing(RejectedMessages(access)) as messages:
            assert [kept.rejected.raw for kept in messages.outstanding()] == [b"on fire"]
            assert messages.redrive().still_rejected == 1


def judge_of_the_next_version(message: SourceMessage) -> Accepted | Rejected:
    outcome = Gate().judge(message)
    if isinstance(outcome, Rejected) and outcome.reason is RejectReason.VERSION:
        return Gate().judge(replace(message, payload=as_mended(message.payload)))
    return outcome


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_malformed_messages_are_all_kept_stop_nothing_and_come_back_once_mended(
    kafka_topics: Access, count: int
) -> None:
    bad = list(malformed(count))
    expected = Counter(reason for _, reason in bad)
    mixed = [message for number, (raw, _) in enumerate(bad) for message in (raw, reading(number))]
    source = ListSource(mixed, SEEN_MS, name="push")
    with processing(kafka_topics, source) as processor:
        until(lambda: len(source.acknowledged) == len(mixed), "the stream stopped")
    assert processor.gate.counts.rejected == expected
    assert_each_once(kafka_topics, count)

    with closing(RejectedMessages(kafka_topics)) as messages:
        kept = [one.rejected for one in messages.outstanding()]
        assert Counter(one.reason for one in kept) == expected
        assert Counter(one.raw for one in kept) == Counter(raw[: 1 << 20] for raw, _ in bad)
    mended = expected[RejectReason.VERSION]
    with closing(RejectedMessages(kafka_topics, judge_of_the_next_version)) as messages:
        counts = messages.redrive()
        assert (counts.mended, counts.readings, counts.still_rejected) == (mended, mended, count - mended)
        assert messages.redrive().mended == 0
        assert Counter(one.rejected.reason for one in messages.outstanding()) == expected - Counter(
            {RejectReason.VERSION: mended}
        )
    back = [one for one in readings_in(kafka_topics) if one.backfill]
    assert len(back) == mended
    assert {one.received_ms for one in back} == {SEEN_MS}


def test_only_what_is_wanted_is_sent_again(kafka_topics: Access) -> None:
    source = ListSource([b"on fire", reading(1).replace(b'"v":1', b'"v":2')])
    with processing(kafka_topics, source):
        until(lambda: len(source.acknowledged) == 2, "not acknowledged")
    with closing(RejectedMessages(kafka_topics, judge_of_the_next_version)) as messages:
        assert messages.redrive(lambda one: one.reason is RejectReason.NOT_JSON).mended == 0
        (first, second) = messages.outstanding()
        assert messages.find(first.partition, first.offset) == first
        assert messages.find(first.partition, 10_000) is None
        assert second.name == f"{second.partition}-{second.offset}"
        assert messages.redrive(lambda one: one.source == "list").mended == 1
