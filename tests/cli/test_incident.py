"""`kilowatch incident`: nothing that was asked for is lost behind what is newer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from cli.homes import called
from kilowatch.app.registry import Registry
from kilowatch.app.stores import DataFolder
from kilowatch.core.device import first_seen
from kilowatch.core.events import EventKind
from kilowatch.core.records import AuditEntry
from kilowatch.links.database import Database, DatabaseSettings
from links.incidents import AT_MS, OPENED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KILOWATCH_DATA__FOLDER", "data")
    database = Database(DatabaseSettings(f"sqlite:///{DataFolder(tmp_path / 'data').database}"))
    database.upgrade()
    Registry(database).meet([first_seen("home", "fridge")], AT_MS)
    yield database
    database.close()


def test_an_open_incident_is_listed_however_many_newer_ones_are_over(database: Database) -> None:
    over = [
        msgspec.structs.replace(OPENED, id=f"over-{n}", kind=EventKind.CLEARED, first_ms=AT_MS + n) for n in range(60)
    ]
    with database.begin() as books:
        books.incidents.project([OPENED, *over])
    found = called("incident", "list", "--open", "--json").json["incidents"]
    assert [one["event"]["id"] for one in found] == [OPENED.id]
    assert len(called("incident", "list", "--json").json["incidents"]) == 50
    assert called("incident", "list", "--open", "--device", "tv", "--json").json["incidents"] == []


def test_what_was_decided_is_shown_however_much_was_decided_since(database: Database) -> None:
    def line(incident: str, why: str) -> AuditEntry:
        return AuditEntry(
            ts_ms=AT_MS, what="notify", who="kilowatch", why=why, site="home", device="fridge", incident=incident
        )

    with database.begin() as books:
        books.incidents.project([OPENED])
        books.audit.add(line(OPENED.id, "Long ago."))
        for _ in range(1000):
            books.audit.add(line("another", "Since."))
    shown = called("incident", "show", OPENED.id).out
    assert "Long ago." in shown
    assert "Since." not in shown
