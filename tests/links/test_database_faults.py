"""A writer killed in the middle of a transaction leaves all of it or nothing, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kilowatch.core.records import Offset
from kilowatch.errors import ComponentError
from kilowatch.links.database import Database, DatabaseSettings
from links.databases import database, database_url
from links.disks import no_file_over
from links.incidents import AT_MS, STORY

if TYPE_CHECKING:
    from supervisor.postgres import Postgres

__all__ = ["database", "database_url"]

WRITER = """
import sys
import msgspec
from kilowatch.core.records import Offset
from kilowatch.links.database import Database, DatabaseSettings
from links.incidents import STORY
database = Database(DatabaseSettings(sys.argv[1]))
for number in range(1, 100_000):
    with database.begin() as books:
        event = msgspec.structs.replace(STORY[0], id=f"{number:016d}")
        books.incidents.project([event])
        books.outbox.put("IoTRegistry", "home", str(number), b"{}")
        print("middle", number, flush=True)
        books.offsets.save("registry", [Offset(topic="IoTAnomalies", partition=0, next=number)])
    print("done", number, flush=True)
"""


@pytest.mark.parametrize("word", ["middle", "done"])
def test_killed_in_a_transaction_it_leaves_all_or_nothing(database: Database, database_url: str, word: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", WRITER, database_url]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert writer.stdout is not None
    said = {"middle": 0, "done": 0}
    for line in writer.stdout:
        name, number = line.split()
        said[name] = int(number)
        if said[word] >= 25:
            break
    os.kill(writer.pid, signal.SIGKILL)
    for line in writer.stdout:
        name, number = line.split()
        said[name] = int(number)
    writer.stdout.close()
    writer.wait()
    with database.begin() as books:
        (offset,) = books.offsets.load("registry")
        kept = books.incidents.between(0, AT_MS + 1, limit=1_000_000)
        left = books.outbox.first(1_000_000)
    assert {int(known.event.id) for known in kept} == set(range(1, offset.next + 1))
    assert [int(message.key) for message in left] == list(range(1, offset.next + 1))
    assert said["done"] <= offset.next <= said["middle"]


def write_much(opened: Database) -> None:
    with opened.begin() as books:
        books.offsets.save("registry", [Offset(topic="IoTAnomalies", partition=0, next=1)])
        for number in range(200):
            books.outbox.put("IoTRegistry", "home", str(number), b"x" * 5000)


def test_a_database_without_tables_says_who_makes_them(database_url: str) -> None:
    opened = Database(DatabaseSettings(database_url))
    for transaction in (opened.read, opened.begin):
        with pytest.raises(ComponentError, match="has no tables of kilowatch") as bare, transaction() as books:
            books.offsets.load("registry")
        assert "kilowatch serve registry" in bare.value.hint
    opened.upgrade()
    with opened.read() as books:
        assert books.offsets.load("registry") == []
    opened.close()


def test_a_full_disk_is_told_and_what_was_there_stands(tmp_path: Path) -> None:
    opened = Database(DatabaseSettings(f"sqlite:///{tmp_path / 'k.db'}"))
    opened.upgrade()
    with opened.begin() as books:
        books.incidents.project(STORY[:1])
    size = (tmp_path / "k.db-wal").stat().st_size
    with no_file_over(size), pytest.raises(ComponentError, match="disk is full") as full:
        write_much(opened)
    assert "room" in full.value.hint
    with opened.begin() as books:
        assert books.offsets.load("registry") == []
        assert len(books.incidents.open()) == 1
        books.incidents.project(STORY)
    opened.close()


@pytest.mark.postgres
def test_after_the_server_was_killed_and_came_back_work_goes_on(postgres_server: Postgres, empty_database: str) -> None:
    opened = Database(DatabaseSettings(empty_database))
    opened.upgrade()
    with opened.begin() as books:
        books.incidents.project(STORY)
    postgres_server.kill()
    try:
        with pytest.raises(ComponentError, match="does not answer"), opened.begin() as books:
            books.incidents.project(STORY)
    finally:
        postgres_server.start()
    with opened.begin() as books:
        known = books.incidents.get(STORY[0].id)
    assert known is not None
    assert known.event == STORY[2]
    opened.close()
