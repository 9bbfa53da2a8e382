"""A registry whose database has no room: said once, told to whoever asks whether it is ready, and over by itself."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from app.messages import AT_MS
from kilowatch.app import registry_service
from kilowatch.app.registry import Registry
from kilowatch.app.registry_service import RegistryService
from kilowatch.errors import ComponentError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.kafka.settings import Access
from kilowatch.observability.health import Health

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FULL = ComponentError("The disk is full.", "Make room on the disk.")


def test_it_says_once_that_it_waits_and_once_that_it_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_service, "_RETRY_S", 0.001)
    caplog.set_level(logging.INFO)
    database, health = Database(DatabaseSettings(f"sqlite:///{tmp_path / 'k.db'}")), Health()
    database.upgrade()
    health.ready()
    service = RegistryService(
        Registry(database), database, Access("nowhere:1"), 4, lambda: AT_MS, hindered=health.begins
    )
    tries: list[str] = []

    def keep() -> None:
        tries.append(health.ready_now().why)
        if len(tries) < 5:
            raise FULL

    for _ in range(2):
        tries.clear()
        service._insist(keep, threading.Event())
        assert len(tries) == 5
        assert tries[1:] == [str(FULL)] * 4
        assert not health.ready_now().ok, "it has not read on yet"
        health.lag([3])
        assert health.ready_now().ok
    said = [record.getMessage() for record in caplog.records if record.name == registry_service.__name__]
    assert (
        said
        == [
            "What the registry reads waits: The disk is full. Make room on the disk.",
            "What the registry reads goes on",
        ]
        * 2
    )
    database.close()
