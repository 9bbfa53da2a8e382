"""Devices on their way to the books: nobody waits for a database, and none is forgotten while it is away."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from app.live import until
from kilowatch.app.discoveries import Discoveries
from kilowatch.core.device import DeviceRecord, Kind, first_seen
from kilowatch.errors import ComponentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest


class Books:
    def __init__(self) -> None:
        self.is_away = False
        self.asked = 0
        self.kept: dict[str, DeviceRecord] = {}

    def discover(self, records: Iterable[DeviceRecord], ts_ms: int) -> None:
        self.asked += 1
        if self.is_away:
            raise ComponentError("The database is away.")
        assert ts_ms == 7
        self.kept |= {record.device: record for record in records}


def test_what_a_source_knows_is_kept() -> None:
    books = Books()
    discoveries = Discoveries(books, lambda: 7)
    discoveries.take([first_seen("home", "tv"), first_seen("home", "lamp")])
    discoveries.close()
    assert set(books.kept) == {"tv", "lamp"}


def test_while_the_books_are_away_the_newest_word_waits_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "kilowatch")
    books = Books()
    books.is_away = True
    discoveries = Discoveries(books, lambda: 7, again_s=0.01)
    began = time.monotonic()
    discoveries.take([first_seen("home", "tv")])
    discoveries.take([first_seen("home", "tv", Kind.TV), first_seen("home", "lamp")])
    assert time.monotonic() - began < 5
    until(lambda: books.asked > 3, "it was not tried again")
    books.is_away = False
    until(lambda: set(books.kept) == {"tv", "lamp"}, "what waited was forgotten")
    discoveries.close()
    assert books.kept["tv"].kind is Kind.TV
    assert sum("wait to be noted" in record.getMessage() for record in caplog.records) == 1
