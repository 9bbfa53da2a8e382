"""Readers and writers against a real broker."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from supervisor.kafka_files import PASSWORD, USER

from kilowatch.errors import ComponentError
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.client import FencedError, kafka
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.place import Place
from kilowatch.links.kafka.reader import Hooks, Reader
from kilowatch.links.kafka.settings import QUICK, Access
from kilowatch.links.kafka.topics import Topic, partition_of
from kilowatch.links.kafka.transactions import TransactionalWriter
from kilowatch.links.kafka.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from supervisor.kafka import Cluster

    from kilowatch.errors import KilowatchError
    from kilowatch.links.kafka.reader import PartitionBatch

pytestmark = pytest.mark.kafka
PARTITIONS = 4
DEADLINE_S = 60.0
SITES = [f"site-{number}" for number in range(40)]


def write(access: Access, topic: Topic, messages: list[tuple[str, bytes | None]], partition: int = -1) -> None:
    writer = Writer(access, QUICK)
    errors: list[KilowatchError | None] = []
    for key, value in messages:
        writer.send(topic, key, value, errors.append, partition=partition)
    assert writer.flush(DEADLINE_S) == 0
    assert errors == [None] * len(messages)


def read(reader: Reader, messages: int) -> list[PartitionBatch]:
    deadline = time.monotonic() + DEADLINE_S
    batches: list[PartitionBatch] = []
    while sum(len(batch.values) for batch in batches) < messages:
        assert time.monotonic() < deadline, "messages did not come"
        batches += reader.poll()
    return batches


def values(batches: list[PartitionBatch]) -> list[bytes]:
    return sorted(value for batch in batches for value in batch.values)


def ends(batches: list[PartitionBatch]) -> dict[Place, int]:
    return {batch.place: batch.next_offset for batch in batches}


class TestAdmin:
    def test_topics_are_created_once_and_then_as_agreed(self, kafka_topics: Access) -> None:
        admin = Admin(kafka_topics)
        assert admin.create(PARTITIONS) == []
        assert admin.check(PARTITIONS) == []
        assert admin.count(Topic.DEVICES) == PARTITIONS

    def test_another_count_of_partitions_is_refused(self, kafka_topics: Access) -> None:
        admin = Admin(kafka_topics)
        with pytest.raises(ComponentError, match="partitions is 4, 5 was agreed"):
            admin.create(PARTITIONS + 1)
        findings = admin.check(PARTITIONS + 1)
        assert {finding.topic for finding in findings} == {
            Topic.DEVICES,
            Topic.REGISTRY,
            Topic.STATE,
            Topic.ANOMALIES,
        }

    def test_a_setting_that_somebody_changed_is_found(self, kafka_topics: Access) -> None:
        library = kafka().admin
        entry = library.ConfigEntry("retention.ms", "1000", incremental_operation=library.AlterConfigOpType.SET)
        resource = library.ConfigResource(
            library.ConfigResource.Type.TOPIC, str(Topic.DEVICES), incremental_configs=[entry]
        )
        client = library.AdminClient({"bootstrap.servers": kafka_topics.bootstrap})
        client.incremental_alter_configs([resource])[resource].result()
        deadline = time.monotonic() + DEADLINE_S
        while not (findings := Admin(kafka_topics).check(PARTITIONS)):
            assert time.monotonic() < deadline
        (finding,) = findings
        assert (finding.topic, finding.setting, finding.found) == (Topic.DEVICES, "retention.ms", "1000")

    def test_a_broker_that_is_not_there_is_said(self) -> None:
        with pytest.raises(ComponentError) as caught:
            Admin(Access("127.0.0.1:9")).partitions()
        assert "kafka.bootstrap" in caught.value.hint


class TestReader:
    def test_every_message_comes_once_in_the_partition_of_its_site(self, kafka_topics: Access) -> None:
        write(kafka_topics, Topic.DEVICES, [(site, site.encode()) for site in SITES])
        with closing(Reader(kafka_topics, "once", [Topic.DEVICES])) as reader:
            batches = read(reader, len(SITES))
            assert values(batches) == sorted(site.encode() for site in SITES)
            for batch in batches:
                assert batch.offsets == sorted(batch.offsets)
                assert {partition_of(str(key, "ascii"), PARTITIONS) for key in batch.keys if key} == {
                    batch.place.partition
                }
                assert all(abs(stamp / 1000 - time.time()) < DEADLINE_S for stamp in batch.appended_ms)
            assert set(reader.lag().values()) == {0}

    def test_a_group_goes_on_where_it_has_committed(self, kafka_topics: Access) -> None:
        write(kafka_topics, Topic.DEVICES, [("home", b"1"), ("home", b"2")])
        with closing(Reader(kafka_topics, "again", [Topic.DEVICES])) as reader:
            (place,) = ends(read(reader, 2))
            reader.commit({place: 1})
            assert reader.committed([place, Place(Topic.STATE, 0)]) == {place: 1}
        with closing(Reader(kafka_topics, "again", [Topic.DEVICES])) as reader:
            assert values(read(reader, 1)) == [b"2"]

    def test_hooks_say_where_to_begin_and_what_goes(self, kafka_topics: Access) -> None:
        write(kafka_topics, Topic.DEVICES, [("home", b"%d" % number) for number in range(5)])
        seen: list[str] = []

        def assigned(places: list[Place]) -> Mapping[Place, int]:
            seen.append(f"assigned {len(places)}")
            return dict.fromkeys(places, 3)

        hooks = Hooks(assigned, lambda places: seen.append(f"revoked {len(places)}"), lambda _: seen.append("lost"))
        with closing(Reader(kafka_topics, "hooked", [Topic.DEVICES], hooks)) as reader:
            assert values(read(reader, 2)) == [b"3", b"4"]
        assert seen == ["assigned 4", "revoked 4"]

    def test_a_second_member_takes_half_and_leaves_the_rest_alone(self, kafka_topics: Access) -> None:
        gone: list[Place] = []
        hooks = Hooks(lambda _: {}, gone.extend, gone.extend)
        with closing(Reader(kafka_topics, "shared", [Topic.DEVICES], hooks)) as first:
            read_until(lambda: len(first.places()) == PARTITIONS, first)
            with closing(Reader(kafka_topics, "shared", [Topic.DEVICES])) as second:
                read_until(lambda: len(second.places()) == 2, first, second)
                assert len(gone) == 2
                assert set(first.places()) | set(second.places()) == {
                    Place(Topic.DEVICES, number) for number in range(PARTITIONS)
                }

    def test_a_topic_that_is_not_there_is_an_error(self, kafka_bootstrap: str) -> None:
        with closing(Reader(Access(kafka_bootstrap), "lost", ["Nowhere"])) as reader:
            with pytest.raises(ComponentError) as caught:
                read(reader, 1)
            assert "topics create" in caught.value.hint


def read_until(condition: object, *readers: Reader) -> None:
    assert callable(condition)
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        for reader in readers:
            reader.poll()


class TestTransactions:
    def test_messages_and_offsets_are_there_together(self, kafka_topics: Access) -> None:
        write(kafka_topics, Topic.DEVICES, [("home", b"1")])
        with closing(Reader(kafka_topics, "both", [Topic.DEVICES])) as reader:
            offsets = ends(read(reader, 1))
            (place,) = offsets
            with closing(TransactionalWriter(kafka_topics, "both", place)) as writer:
                writer.open()
                with writer.transaction():
                    writer.send(Topic.ANOMALIES, "home", b"odd")
                    writer.send_offsets(offsets, reader)
                assert reader.committed([place]) == offsets
        assert committed_anomalies(kafka_topics) == [b"odd"]

    def test_what_fails_leaves_nothing(self, kafka_topics: Access) -> None:
        place = Place(Topic.DEVICES, 0)
        with closing(TransactionalWriter(kafka_topics, "none", place)) as writer:
            writer.open()
            with pytest.raises(ZeroDivisionError):
                fail_half_way(writer)
            with writer.transaction():
                writer.send(Topic.ANOMALIES, "home", b"now")
        assert committed_anomalies(kafka_topics) == [b"now"]

    def test_a_new_owner_ends_the_old_ones_transaction_at_once_and_fences_it(self, kafka_topics: Access) -> None:
        place = Place(Topic.DEVICES, 0)
        with (
            closing(TransactionalWriter(kafka_topics, "owner", place)) as old,
            closing(TransactionalWriter(kafka_topics, "owner", place)) as new,
        ):
            old.open()
            old.begin()
            old.send(Topic.ANOMALIES, "home", b"half")
            time.sleep(0.5)
            began = time.monotonic()
            new.open()
            with new.transaction():
                new.send(Topic.ANOMALIES, "home", b"whole")
            assert committed_anomalies(kafka_topics) == [b"whole"]
            assert time.monotonic() - began < 20.0, "readers waited for the transaction's timeout"
            with pytest.raises(FencedError):
                old.commit()


def fail_half_way(writer: TransactionalWriter) -> None:
    with writer.transaction():
        writer.send(Topic.ANOMALIES, "home", b"never")
        raise ZeroDivisionError


def committed_anomalies(access: Access) -> list[bytes]:
    with closing(CompactedReader(access)) as reader:
        return sorted(
            entry.value or b"" for number in range(PARTITIONS) for entry in reader.entries(Topic.ANOMALIES, number)
        )


def test_a_compacted_topic_is_read_to_its_end(kafka_topics: Access) -> None:
    messages: list[tuple[str, bytes | None]] = [(f"key-{number % 50}", b"%d" % number) for number in range(2000)]
    write(kafka_topics, Topic.STATE, [*messages, ("key-7", None)], partition=2)
    with closing(CompactedReader(kafka_topics)) as reader:
        newest = reader.newest(Topic.STATE, 2)
        assert newest == {f"key-{number}": b"%d" % (1950 + number) for number in range(50) if number != 7}
        assert reader.newest(Topic.STATE, 1) == {}
        assert [entry.value for entry in reader.entries(Topic.STATE, 2, begin=1999)] == [b"1999", None]


def test_a_reader_that_asked_behind_the_end_reads_each_message_once(kafka_topics: Access) -> None:
    write(kafka_topics, Topic.STATE, [(f"key-{number}", b"%d" % number) for number in range(4)], partition=2)
    with closing(CompactedReader(kafka_topics)) as reader:
        for _ in range(5):
            assert list(reader.entries(Topic.STATE, 2, begin=10_000)) == []
            assert [entry.offset for entry in reader.entries(Topic.STATE, 2, begin=2)] == [2, 3]
            assert next(reader.entries(Topic.STATE, 2)).offset == 0
            assert [entry.offset for entry in reader.entries(Topic.STATE, 2)] == [0, 1, 2, 3]


def test_a_message_too_large_for_the_topic_is_told_and_not_lost_in_silence(kafka_topics: Access) -> None:
    errors: list[KilowatchError | None] = []
    writer = Writer(kafka_topics, QUICK)
    with pytest.raises(ComponentError, match="MSG_SIZE_TOO_LARGE"):
        writer.send(Topic.DEVICES, "home", bytes(3_000_000), errors.append)


class TestSecurity:
    def access(self, cluster: Cluster) -> Access:
        authority = str(cluster.folder / "tls" / "ca.pem")
        bootstrap = cluster.secure_bootstrap.replace("127.0.0.1", "localhost")
        return Access(bootstrap, tls=True, ca_file=authority, mechanism="PLAIN", username=USER, password=PASSWORD)

    def test_tls_and_a_password_work(self, kafka_cluster: Cluster, kafka_topics: Access) -> None:
        access = self.access(kafka_cluster)
        write(access, Topic.DEVICES, [("home", b"secret")])
        with closing(Reader(access, "secure", [Topic.DEVICES])) as reader:
            assert values(read(reader, 1)) == [b"secret"]

    def test_a_wrong_password_is_said(self, kafka_cluster: Cluster) -> None:
        with pytest.raises(ComponentError) as caught:
            Admin(replace(self.access(kafka_cluster), password="wrong")).partitions()  # noqa: S106
        assert "kafka.password" in caught.value.hint
        assert "wrong" not in str(caught.value)

    def test_a_broker_that_we_do_not_trust_is_refused(self, kafka_cluster: Cluster, tmp_path: Path) -> None:
        from supervisor.certificates import certificates

        stranger = str(certificates(tmp_path).authority)
        with pytest.raises(ComponentError) as caught:
            Admin(replace(self.access(kafka_cluster), ca_file=stranger)).partitions()
        assert "kafka.ca_file" in caught.value.hint
