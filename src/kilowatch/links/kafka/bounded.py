"""Calls that may never return, made on a thread of their own, so that who asks is free again after a while.

librdkafka promises that a transactional call returns within its timeout. A broker that was killed and came back at the
wrong moment makes it wait for ever for an answer that was lost: the call cannot be ended, only be left alone.
"""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from kilowatch.errors import ComponentError

if TYPE_CHECKING:
    from collections.abc import Callable


class Bounded:
    """Makes one call after the other on a thread that dies with the process. Not for several threads."""

    def __init__(self, name: str, most_s: float) -> None:
        self.hangs = False
        self._name, self._most_s = name, most_s
        self._calls: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def call(self, doing: str, what: Callable[[], Any]) -> Any:
        """Return what it returns or raise what it raises; `ComponentError` from where it does not end on."""
        if self.hangs:
            raise self._hanging(doing)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        self._calls.put(what)
        try:
            answer, error = self._answers.get(timeout=self._most_s)
        except Empty:
            # No call after this one, ever: should the lost answer still come, it would be taken for that of the next.
            self.hangs = True
            raise self._hanging(doing) from None
        if error is not None:
            raise error
        return answer

    def close(self) -> None:
        """Make no more calls."""
        self._calls.put(None)

    def _work(self) -> None:
        while (what := self._calls.get()) is not None:
            try:
                self._answers.put((what(), None))
            # Whatever it is: the caller waits for an answer, and raises it on its own thread.
            except BaseException as error:
                self._answers.put((None, error))

    def _hanging(self, doing: str) -> ComponentError:
        return ComponentError(
            f"Kafka: {doing} has not ended after {self._most_s:g} s.", "It is begun anew; see that the broker runs."
        )
