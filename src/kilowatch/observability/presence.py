"""One line when something is lost and one when it is back, however often it is tried in between."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable


class Presence:
    """Who of a group of things (plugs, brokers, devices) answers. Safe to use from any thread.

    what: what they are, for the log. on_change: told (name, is_there) with each line, for metrics.
    """

    def __init__(self, log: logging.Logger, what: str, on_change: Callable[[str, bool], None] | None = None) -> None:
        self._log = log
        self._what = what
        self._on_change = on_change
        self._lost: set[str] = set()
        self._lock = threading.Lock()

    def lost(self, name: str, why: str) -> None:
        """Say so, unless that was said already."""
        with self._lock:
            if name in self._lost:
                return
            self._lost.add(name)
        # Outside the lock, here and in `back`: handlers may be slow, and on_change may ask or tell us more.
        self._log.warning("%s %s is lost: %s", self._what, name, why)
        self._tell(name, there=False)

    def back(self, name: str) -> None:
        """Say so, where it was lost."""
        with self._lock:
            if name not in self._lost:
                return
            self._lost.discard(name)
        self._log.info("%s %s is back", self._what, name)
        self._tell(name, there=True)

    def _tell(self, name: str, *, there: bool) -> None:
        if self._on_change is not None:
            self._on_change(name, there)
