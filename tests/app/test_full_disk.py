"""The disk of Kafka or of PostgreSQL is full: who needs it waits and says so, and nothing accepted is lost."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from supervisor import kafka, postgres

from app.live import readings_in, until
from app.sending import Sender, served
from app.services import PARTITIONS
from app.small_disk import small_disk
from app.test_kills import HUNDRED_DAYS_MS, Town, assert_it_ends_well
from app.test_processor_kafka import READINGS, assert_each_once
from components.fixtures import needing_components
from kilowatch.errors import ComponentError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.settings import Access
from links.incidents import STORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from supervisor.kafka import Cluster
    from supervisor.postgres import Postgres

    from app.small_disk import SmallDisk

pytestmark = pytest.mark.mount
KAFKA_MB, POSTGRES_MB = 64, 112


@contextmanager
def kafka_on_a_small_disk() -> Iterator[tuple[Cluster, SmallDisk]]:
    with needing_components() as folder, small_disk(folder, KAFKA_MB) as disk, kafka.running(folder / "k") as cluster:
        Admin(Access(cluster.bootstrap)).create(PARTITIONS)
        yield cluster, disk


@contextmanager
def postgres_on_a_small_disk() -> Iterator[tuple[Postgres, SmallDisk]]:
    with needing_components() as folder, small_disk(folder, POSTGRES_MB) as disk, postgres.running(folder / "p") as one:
        yield one, disk


def end_for_want_of_room(cluster: Cluster, disk: SmallDisk) -> None:
    """Fill the disk until the broker ends by itself, as Kafka does when its only log directory has failed."""
    (broker,) = cluster.daemons

    def has_ended() -> bool:
        disk.fill()
        return not broker.is_alive

    until(has_ended, "the broker goes on without room")


@pytest.mark.kafka
def test_a_broker_that_ended_for_want_of_room_has_lost_nothing_once_it_is_started_again() -> None:
    sender = Sender(READINGS)
    with kafka_on_a_small_disk() as (cluster, disk):
        access = Access(cluster.bootstrap)
        with served(access, sender):
            until(lambda: len(sender.safe) > READINGS // 10, "no progress")
            disk.fill()
            sender.goes_on.set()
            end_for_want_of_room(cluster, disk)
            held = len(sender.safe)
            time.sleep(1.0)
            assert len(sender.safe) == held < READINGS, "told to be safe with nobody to keep it"
            disk.make_room()
            cluster.start(1)
            until(lambda: len(sender.safe) == READINGS, "not all readings were acknowledged")
        # A dying broker may say that it could not keep what it kept; the processor begins anew, and that comes again.
        if len(sender.rounds) == 1:
            assert_each_once(access)
        else:
            assert {one.seq for one in readings_in(access)} == set(range(READINGS)), "readings were lost"


def write_much(opened: Database) -> None:
    with opened.begin() as books:
        books.incidents.project(STORY)
        for number in range(500):
            books.outbox.put("IoTRegistry", "home", str(number), b"x" * 5000)


@pytest.mark.postgres
def test_a_database_without_room_says_so_answers_still_and_takes_up_again() -> None:
    with postgres_on_a_small_disk() as (server, disk):
        opened = Database(DatabaseSettings(server.url))
        opened.upgrade()
        with opened.begin() as books:
            books.incidents.project(STORY[:1])
        disk.fill()
        with pytest.raises(ComponentError, match="disk is full") as full:
            write_much(opened)
        assert "Make room" in full.value.hint
        with opened.read() as books:
            assert [known.event for known in books.incidents.open()] == STORY[:1]
            assert not books.outbox.first(10), "a part of what failed was kept"
        disk.make_room()
        with opened.begin() as books:
            books.incidents.project(STORY)
        opened.close()


@pytest.mark.postgres
def test_a_database_whose_journal_has_no_room_ends_and_is_whole_once_started_again() -> None:
    with postgres_on_a_small_disk() as (server, disk):
        opened = Database(DatabaseSettings(server.url))
        opened.upgrade()
        with opened.begin() as books:
            books.incidents.project(STORY[:1])
        disk.fill()
        with pytest.raises(psycopg.OperationalError, match="No space left"):
            begin_a_journal_file(server)
        daemon = server.daemon
        assert daemon is not None
        until(lambda: not daemon.is_alive, "it goes on without a journal")
        with pytest.raises(ComponentError, match="does not answer"), opened.begin() as books:
            books.incidents.project(STORY)
        disk.make_room()
        server.start()
        with opened.begin() as books:
            assert [known.event for known in books.incidents.open()] == STORY[:1]
            books.incidents.project(STORY)
        opened.close()


def begin_a_journal_file(server: Postgres) -> None:
    with psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("select pg_switch_wal()")
        connection.execute("select pg_logical_emit_message(true, 'x', 'y')")


@contextmanager
def town_of(cluster: Cluster, server: Postgres, url: str, folder: Path) -> Iterator[Town]:
    """Give a town at work, its judges and metric processor included."""
    with ExitStack() as stack:
        town = Town(cluster, server, url, folder)
        stack.callback(town.database.close)
        stack.callback(town.services.close)
        town.open(time.time_ns() // 1_000_000 - HUNDRED_DAYS_MS)
        until(lambda: town.services.said("detector").count("is ours") >= PARTITIONS, "nobody judges")
        until(lambda: town.scraped("kilowatch_watched") >= 0, "nobody counts")
        yield town


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.soak
@pytest.mark.timeout(900)
def test_services_wait_for_a_broker_without_room(
    postgres_server: Postgres, empty_database: str, tmp_path: Path
) -> None:
    with (
        kafka_on_a_small_disk() as (cluster, disk),
        town_of(cluster, postgres_server, empty_database, tmp_path) as town,
    ):
        end_for_want_of_room(cluster, disk)
        before = [sender.accepted for sender in town.senders]
        time.sleep(5.0)
        assert [sender.accepted for sender in town.senders] == before, "accepted with nobody to keep it"
        assert {one.poll() for one in town.services.running.values()} == {None}, town.services.said()
        assert town.services.said("processor").count("Kafka is away") == 1
        disk.make_room()
        cluster.start(1)
        town.progress()
        assert town.services.said("processor").count("Kafka is back") == 1
        assert_it_ends_well(town)


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.soak
@pytest.mark.timeout(900)
def test_judging_goes_on_while_the_database_has_no_room(tmp_path: Path) -> None:
    with (
        needing_components() as folder,
        kafka.running(folder) as cluster,
        postgres_on_a_small_disk() as (server, disk),
    ):
        Admin(Access(cluster.bootstrap)).create(PARTITIONS)
        with town_of(cluster, server, server.url, tmp_path) as town:
            disk.fill()
            until(lambda: "disk is full" in town.services.said("registry"), "the registry does not say why it waits")
            until(lambda: "disk is full" in town.services.said("metrics"), "the metric processor does not say why")
            for _ in range(10):
                disk.fill()
                time.sleep(1.0)
                town.progress()
            disk.make_room()
            assert town.services.said("registry").count("disk is full") == 1, "it says so again and again"
            assert server.daemon is not None
            assert server.daemon.is_alive
            assert_it_ends_well(town)
            assert "What the registry reads goes on" in town.services.said("registry")
