"""Services that start before the registry has made the tables wait for it, and say so in a sentence."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url
from supervisor.places import free_port

from app.live import until
from app.services import PARTITIONS, TOKEN, Services, entries
from kilowatch.app.registry import Registry
from kilowatch.errors import ComponentError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.links.kafka.settings import Access

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]
READING = json.dumps({"v": 1, "site": "home", "device": "meter", "ts_ms": 1_767_225_600_000, "power_w": 5.0}).encode()
EARLY = {"processor": "has no tables of kilowatch", "metrics": "has schema none", "actor": "has schema none"}
"""Who is there too early, and what it says of that."""


def test_who_is_there_before_the_tables_waits_and_says_so(
    kafka_topics: Access, empty_database: str, tmp_path: Path
) -> None:
    url, port = make_url(empty_database), free_port()
    environment = {
        "KILOWATCH_DATABASE__URL": url._replace(password=None).render_as_string(),
        "KILOWATCH_DATABASE__PASSWORD": str(url.password),
        "KILOWATCH_SOURCES__PUSH__TOKEN": TOKEN,
    }
    settings = f"[metrics]\nenabled = false\nport = {free_port()}\n[sources.push]\nenabled = true\nport = {port}\n"
    with closing(Services(kafka_topics, tmp_path, "early", settings, environment)) as services:
        for label in EARLY:
            services.start(label)
        for label, words in EARLY.items():
            until(lambda label=label, words=words: words in services.said(label), f"{label} says nothing")  # type: ignore[misc] # bound now, not later
        until(lambda: is_accepted(port), "the processor took nothing in")
        assert all(process.poll() is None for process in services.running.values()), services.said()
        services.start("registry")
        with closing(Database(DatabaseSettings(empty_database))) as database:
            until(lambda: knows_a_device(Registry(database)), services.said())
        until(lambda: bool(entries_of(kafka_topics)), "the device was not told")
        assert "kilowatch serve registry" in services.said()
        for word in ("Traceback", "psycopg.", "SELECT", "INSERT"):
            assert word not in services.said(), services.said()
        assert {label: services.stop(label) for label in list(services.running)} == dict.fromkeys(
            [*EARLY, "registry"], 0
        ), services.said()


def is_accepted(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/v1/readings", READING, {"Authorization": f"Bearer {TOKEN}"})
        return connection.getresponse().status == http.client.NO_CONTENT
    except OSError:
        return False
    finally:
        connection.close()


def knows_a_device(registry: Registry) -> bool:
    try:
        return bool(registry.records())
    except ComponentError:
        return False


def entries_of(access: Access) -> list[bytes]:
    return [value for partition in range(PARTITIONS) for value in entries(access, Topic.REGISTRY, partition)[1]]
