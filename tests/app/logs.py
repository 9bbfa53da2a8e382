"""A message log in memory, and a source that has its messages already."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from kilowatch.errors import FullError
from kilowatch.links.source import SourceMessage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kilowatch.errors import ComponentError
    from kilowatch.links.kafka.writer import Delivered
    from kilowatch.links.source import Put


@dataclass(slots=True)
class Written:
    """A message that the log was given."""

    topic: str
    key: str | bytes | None
    value: bytes
    partition: int
    delivered: Delivered | None


@dataclass(slots=True)
class MemoryLog:
    """Takes messages and tells of them when the test says so; room: how many may wait."""

    room: int = 1_000_000
    is_cut_off: bool = False
    written: list[Written] = field(default_factory=list)
    _told: int = 0
    _free: threading.Condition = field(default_factory=threading.Condition)

    def send(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        delivered: Delivered | None = None,
        *,
        partition: int = -1,
        timeout_s: float | None = None,
    ) -> None:
        with self._free:
            if not self._free.wait_for(lambda: len(self.written) - self._told < self.room, timeout_s):
                raise FullError("no room")
            self.written.append(Written(topic, key, value or b"", partition, delivered))

    def poll(self, timeout_s: float = 0.0) -> int:
        return self.tell() if not self.is_cut_off else self._idle(timeout_s)

    def flush(self, timeout_s: float) -> int:
        if not self.is_cut_off:
            self.tell()
        return len(self.written) - self._told

    def tell(self, error: ComponentError | None = None) -> int:
        """Tell the senders of all that was written."""
        with self._free:
            waiting, self._told = self.written[self._told :], len(self.written)
            self._free.notify_all()
        for one in waiting:
            if one.delivered is not None:
                one.delivered(error)
        return len(waiting)

    def _idle(self, timeout_s: float) -> int:
        threading.Event().wait(timeout_s)
        return 0


class ListSource:
    """Hands messages over from a thread of its own and notes which were acknowledged."""

    name = "list"

    def __init__(self, payloads: Iterable[bytes], received_ms: int = 1_767_225_600_000, name: str = "list") -> None:
        self.name = name
        self.acknowledged: list[int] = []
        self.given = 0
        self.is_done = threading.Event()
        self._payloads = payloads
        self._received_ms = received_ms
        self._is_stopped = False
        self._thread: threading.Thread | None = None

    def start(self, put: Put) -> None:
        self._thread = threading.Thread(target=self._run, args=(put,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_stopped = True
        if self._thread is not None:
            self._thread.join(timeout=60.0)

    def _run(self, put: Put) -> None:
        for number, payload in enumerate(self._payloads):
            if self._is_stopped:
                return
            ack = partial(self.acknowledged.append, number)
            put(SourceMessage(self.name, payload, None, self._received_ms, ack))
            self.given = number + 1
        self.is_done.set()
