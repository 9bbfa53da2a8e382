"""Devices that sources know of, on their way to the registry's books: readings never wait for a database."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from kilowatch.errors import KilowatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kilowatch.core.device import DeviceRecord

_AGAIN_S = 5.0
_log = logging.getLogger(__name__)


class Books(Protocol):
    """Who keeps devices: the registry."""

    def discover(self, records: Iterable[DeviceRecord], ts_ms: int) -> None:
        """Take in what a source says of its devices."""


class Discoveries:
    """Keeps the newest word on each device until the books have it. clock: wall clock, ms UTC."""

    def __init__(self, books: Books, clock: Callable[[], int], again_s: float = _AGAIN_S) -> None:
        self._books = books
        self._clock = clock
        self._again_s = again_s
        self._waiting: dict[tuple[str, str], DeviceRecord] = {}
        self._changed = threading.Condition()
        self._is_over = False
        self._is_late = False
        self._thread = threading.Thread(target=self._work, name="discoveries", daemon=True)
        self._thread.start()

    def take(self, records: list[DeviceRecord]) -> None:
        """Take devices; any thread may call it, and it does not wait."""
        with self._changed:
            self._waiting |= {(record.site, record.device): record for record in records}
            self._changed.notify()

    def close(self) -> None:
        """Try once more what waits, and end."""
        with self._changed:
            self._is_over = True
            self._changed.notify()
        # No longer than that: a database that hangs must not hold up the end, and sources tell their devices again.
        self._thread.join(2 * self._again_s)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_over)
                found, self._waiting = self._waiting, {}
                is_over = self._is_over
            if found and not self._kept(list(found.values())):
                with self._changed:
                    # What came meanwhile is newer, and stands.
                    self._waiting = found | self._waiting
                    # New devices do not cut the pause short: books that are away would be asked for each of them.
                    self._changed.wait_for(lambda: self._is_over, self._again_s)
            if is_over:
                return

    def _kept(self, records: list[DeviceRecord]) -> bool:
        try:
            self._books.discover(records, self._clock())
        except KilowatchError as error:
            if not self._is_late:
                _log.warning("%d devices wait to be noted: %s %s", len(records), error, error.hint)
            self._is_late = True
            return False
        # What nobody thought of in one device must not end the noting of all: sources tell them again.
        except Exception:
            _log.exception("%d devices could not be noted.", len(records))
        self._is_late = False
        return True
