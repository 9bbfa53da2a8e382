"""Every service, the broker and the database killed with -9 under load: what was accepted is there, and told once."""

from __future__ import annotations

import os
import random
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy.engine import make_url
from supervisor import kafka
from supervisor.places import free_port

from app.live import until
from app.services import PARTITIONS, TOKEN, Sender, Services, by_version, entries, told
from components.fixtures import needing_components
from kilowatch.app.detector_service import KafkaRecords, subject_of
from kilowatch.app.partition import PartitionJudge
from kilowatch.app.registry import Registry
from kilowatch.config.sections import DetectorConfig
from kilowatch.core.device import DeviceRecord, Kind, Stage
from kilowatch.core.events import EventKind, ReadingColumns
from kilowatch.errors import KilowatchError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.settings import Access
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _pytest.mark.structures import ParameterSet
    from supervisor.kafka import Cluster
    from supervisor.postgres import Postgres

    from kilowatch.core.events import IncidentEvent

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]
SITES = [f"house{number}" for number in range(6)]
VICTIMS = ("processor", "detector-1", "detector-2", "registry", "metrics", "broker", "postgres")
JUDGING = DetectorConfig(name="jump", learning_days=1.0)
TIMES = int(os.environ.get("KILOWATCH_KILLS", "20"))
"""How often each kind is killed in its long run, as `scripts/kills.py` says."""
HUNDRED_DAYS_MS = 100 * 86_400_000


class Town:
    """Services on a broker and a database of their own, senders that push to them, and who is killed."""

    def __init__(self, cluster: Cluster, postgres: Postgres, database_url: str, folder: Path) -> None:
        self.cluster, self.postgres = cluster, postgres
        self.access = Access(cluster.bootstrap)
        self.database = Database(DatabaseSettings(database_url))
        self.push, self.metrics = free_port(), free_port()
        settings = (
            f'[detector]\nname = "{JUDGING.name}"\nlearning_days = {JUDGING.learning_days}\n'
            f"[sources.push]\nenabled = true\nport = {self.push}\n[metrics]\nport = {self.metrics}\n"
        )
        url = make_url(database_url)
        environment = {
            "KILOWATCH_DATABASE__URL": url._replace(password=None).render_as_string(),
            "KILOWATCH_DATABASE__PASSWORD": str(url.password),
            "KILOWATCH_SOURCES__PUSH__TOKEN": TOKEN,
        }
        self.services = Services(self.access, folder, "town", settings, environment)
        self.services.options["metrics"] = ("--save-s", "1")
        self.senders: list[Sender] = []

    def open(self, start_ms: int) -> None:
        """Introduce the devices, start everything, and let readings flow."""
        self.services.start("registry")
        until(self._has_tables, "the registry made no tables")
        records = [
            DeviceRecord(site=site, device="meter", kind=Kind.METER, interval_s=30.0, protected=False) for site in SITES
        ]
        Registry(self.database).discover(records, start_ms)
        until(lambda: self._known() == len(SITES), "records were not told")
        for label in ("detector-1", "detector-2", "metrics", "processor"):
            self.services.start(label)
        self.senders = [Sender(site, self.push, start_ms) for site in SITES]
        self.progress()

    def kill(self, victim: str) -> None:
        if victim == "broker":
            self.cluster.kill(1)
            self.cluster.start(1)
        elif victim == "postgres":
            self.postgres.kill()
            self.postgres.start()
        else:
            self.services.kill(victim)
            self.services.start(victim)

    def progress(self) -> None:
        """Wait until more has been accepted of every site, a sign of life of the way in."""
        before = [sender.accepted for sender in self.senders]
        until(
            lambda: all(one.accepted > seen for one, seen in zip(self.senders, before, strict=True)),
            f"nothing is accepted any more: {self.services.said()[-4000:]}",
        )

    def end(self) -> None:
        """Let everything be read, and end all services as a person would."""
        for sender in self.senders:
            sender.stop()
        assert self.services.stop("processor") == 0, self.services.said("processor")
        self.services.wait_until_read()

    def scraped(self, name: str) -> float:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return -1.0
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)), -1.0)

    def _has_tables(self) -> bool:
        try:
            self.database.check()
        except KilowatchError:
            return False
        return True

    def _known(self) -> int:
        return sum(len(entries(self.access, Topic.REGISTRY, partition)[0]) for partition in range(PARTITIONS))


@pytest.fixture
def town(postgres_server: Postgres, empty_database: str, tmp_path: Path) -> Iterator[Town]:
    with built(kafka.Plan(), postgres_server, empty_database, tmp_path) as made:
        yield made


@contextmanager
def built(plan: kafka.Plan, postgres: Postgres, database_url: str, folder: Path) -> Iterator[Town]:
    """Give a town on brokers of its own, not open yet."""
    with ExitStack() as stack:
        cluster = stack.enter_context(kafka.running(stack.enter_context(needing_components()), plan))
        Admin(Access(cluster.bootstrap)).create(PARTITIONS, replication=min(3, plan.brokers))
        made = Town(cluster, postgres, database_url, folder)
        stack.callback(made.database.close)
        stack.callback(made.services.close)
        yield made


def readings_in(access: Access) -> dict[str, list[int]]:
    """The numbers of the readings that lie in `IoTDevices`, by site, in their order."""
    found: dict[str, list[int]] = {site: [] for site in SITES}
    for partition in range(PARTITIONS):
        for value in entries(access, Topic.DEVICES, partition)[1]:
            if b'"control"' not in value:
                message = msgspec.json.decode(value, type=ReadingColumns)
                found[message.site] += [number for number in message.seq or [] if number is not None]
    return found


def judged_in_one_piece(access: Access) -> tuple[list[IncidentEvent], int]:
    """What one process says that reads all partitions without a break, and how many readings it kept."""
    events, kept = [], 0
    for partition in range(PARTITIONS):
        judge = PartitionJudge(subject_of(JUDGING), KafkaRecords(access, PARTITIONS), 0, 0)
        judge.take(*entries(access, Topic.DEVICES, partition))
        events += judge.events
        kept += judge.counts.kept
    return sorted(events, key=by_version), kept


def assert_nothing_lost_or_doubled(town: Town) -> None:
    found = readings_in(town.access)
    accepted = {sender.site: sender.accepted for sender in town.senders}
    # a sender repeats what was safe already when its answer got lost: it may lie there twice, and is judged once
    assert {site: len(set(numbers)) for site, numbers in found.items()} == accepted, "accepted readings were lost"
    events, kept = judged_in_one_piece(town.access)
    assert kept == sum(accepted.values()), "readings were judged twice"
    opened = {event.site for event in events if event.kind is EventKind.OPENED}
    assert opened == set(SITES), "a site had no incident about its power"
    assert told(town.access) == events, "incidents were lost, doubled, or are others"
    newest = {event.id: event for event in events}
    until(lambda: _incidents(town.database) == newest, "the database has other incidents")
    until(lambda: stages(town.database) == {Stage.WATCHING}, "the registry was not told who has been learnt")
    accepted_name = 'kilowatch_readings_total{outcome="accepted"}'
    until(lambda: town.scraped(accepted_name) == kept, "the metric processor counted otherwise")


def stages(database: Database) -> set[Stage]:
    return {record.stage for record in Registry(database).records()}


def _incidents(database: Database) -> dict[str, IncidentEvent]:
    with database.read() as transaction:
        return {known.event.id: known.event for known in transaction.incidents.between(0, 2**60, limit=1_000_000)}


def many_times(victim: str) -> ParameterSet:
    marks = [pytest.mark.soak, pytest.mark.timeout(3600)]
    return pytest.param((victim,) * TIMES, id=f"{victim}-{TIMES}-times", marks=marks)


@pytest.mark.parametrize("victims", [pytest.param(VICTIMS, id="each-once"), *map(many_times, VICTIMS)])
def test_whoever_is_killed_nothing_accepted_is_lost_and_nothing_told_twice(
    town: Town, victims: tuple[str, ...]
) -> None:
    chance = random.Random("-".join(victims))  # noqa: S311 - no secret
    order = chance.sample(victims, len(victims))
    town.open(time.time_ns() // 1_000_000 - HUNDRED_DAYS_MS)
    for victim in order:
        time.sleep(chance.uniform(0.0, 2.0))
        town.kill(victim)
        town.progress()
    assert_it_ends_well(town)


def assert_it_ends_well(town: Town) -> None:
    while not all(sender.accepted > 60 * 120 for sender in town.senders):
        town.progress()
    town.end()
    assert_nothing_lost_or_doubled(town)
    codes = {label: town.services.stop(label) for label in list(town.services.running)}
    assert set(codes.values()) == {0}, (codes, town.services.said())
