"""The whole system on three brokers, of which the one that leads is killed: nothing accepted is lost or told twice.

The short form is in `test_processor_kafka.py`: a processor alone.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from supervisor import kafka

from app.live import until
from app.test_kills import HUNDRED_DAYS_MS, assert_it_ends_well, built
from kilowatch.links.kafka.client import kafka as library
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from supervisor.postgres import Postgres

    from app.test_kills import Town
    from kilowatch.links.kafka.settings import Access

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.soak, pytest.mark.timeout(3600)]
BROKERS = 3


@pytest.fixture
def town(postgres_server: Postgres, empty_database: str, tmp_path: Path) -> Iterator[Town]:
    with built(kafka.Plan(brokers=BROKERS, heap_mb=384), postgres_server, empty_database, tmp_path) as made:
        yield made


@pytest.mark.parametrize("times", [1, 6])
def test_the_leader_of_three_is_killed_under_the_whole_system(town: Town, times: int) -> None:
    town.open(time.time_ns() // 1_000_000 - HUNDRED_DAYS_MS)
    for _ in range(times):
        until(lambda: all(in_sync(town.access, topic) == BROKERS for topic in Topic), "a broker did not catch up")
        victim = leader(town.access)
        town.cluster.kill(victim)
        town.progress()
        assert leader(town.access) != victim
        town.progress()  # for some time two of them carry everything
        if times > 1:
            town.cluster.start(victim)
    assert_it_ends_well(town)


def leader(access: Access) -> int:
    """Who leads the first partition of the readings."""
    return int(described(access)[Topic.DEVICES].partitions[0].leader)


def in_sync(access: Access, topic: Topic) -> int:
    """How many brokers hold all of a topic."""
    return min(len(partition.isrs) for partition in described(access)[topic].partitions.values())


def described(access: Access) -> dict[str, Any]:
    client = library().admin.AdminClient({"bootstrap.servers": access.bootstrap, "log_level": 2})
    return dict(client.list_topics(timeout=30).topics)
