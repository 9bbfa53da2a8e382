"""The stream data processor: readings from sources to `IoTDevices`, what cannot be read to `IoTDevices.rejected`.

1. A source hands a message to `put`, on a thread of its own.
2. The gate judges it by itself and stamps when it came.
3. It goes to the log: accepted ones by site, refused ones by source, raw and with the reason.
4. Once the log has it for good, and not before, the source is told that it is safe.
Ticks carry time to every partition, so that silence is seen where nothing is read.

The writer's queue is the only one, and it is bounded: while the log is away `put` blocks, and sources wait.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from kilowatch.app.ingest.gate import Accepted, Gate
from kilowatch.core.events import WIRE_V, Tick
from kilowatch.errors import FullError, KilowatchError
from kilowatch.links.kafka.topics import Topic
from kilowatch.observability.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kilowatch.core.events import RejectReason
    from kilowatch.links.kafka.writer import Delivered
    from kilowatch.links.source import Source, SourceMessage

TICK_S = 5.0
"""How often each partition is told what time it is."""
_POLL_S = 0.05
_ROOM_S = 0.5
_log = logging.getLogger(__name__)


class MessageLog(Protocol):
    """Where messages go: Kafka's `Writer`, or what stands in for it."""

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
        """Take a message, and tell `delivered` what became of it; blocks while there is no room."""

    def poll(self, timeout_s: float = 0.0) -> int:
        """Tell senders what became of their messages."""

    def flush(self, timeout_s: float) -> int:
        """Wait until all is safe, and return how many messages are not."""


@dataclass(slots=True)
class ProcessorCounts:
    """What the log has for good: messages with readings, rejected messages, ticks."""

    published: int = 0
    rejected: int = 0
    ticks: int = 0


class Processor:
    """Stands between sources and the log.

    partitions: of `IoTDevices`. clock: wall clock, ms UTC. metrics: where messages are counted.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        log: MessageLog,
        partitions: int,
        clock: Callable[[], int],
        metrics: Metrics | None = None,
    ) -> None:
        self.gate = Gate()
        self.counts = ProcessorCounts()
        self._sources = sources
        self._messages = log
        self._partitions = partitions
        self._clock = clock
        metrics = metrics or Metrics()
        self._published = metrics.counter("kilowatch_published_messages_total")
        self._rejected = metrics.counter("kilowatch_rejected_messages_total")
        self._failure: KilowatchError | None = None
        self._is_stopping = False
        self._ticks_waiting = 0
        self._lock = threading.Lock()

    def run(self, stop: threading.Event, grace_s: float = 30.0) -> int:
        """Work until stop is set, then flush, and return how many messages are not safe after grace_s.

        Those were not acknowledged: their sources send them again. `ComponentError` where the log refuses for good.
        """
        started: list[Source] = []
        try:
            for source in self._sources:
                source.start(self.put)
                started.append(source)
            self._work(stop)
        finally:
            # Before the sources are stopped: one that waits in `put` for room would never let its thread end.
            self._is_stopping = True
            for source in started:
                source.stop()
            unsafe = self._messages.flush(grace_s)
        if unsafe:
            _log.warning("%d messages are not safe yet; their sources will send them again", unsafe)
        return unsafe

    def put(self, message: SourceMessage) -> None:
        """Take a message from a source; blocks while the log has no room. Any thread may call it."""
        outcome = self.gate.judge(message)
        if isinstance(outcome, Accepted):
            self._send(Topic.DEVICES, outcome.site, outcome.message, self._telling(message, None))
        else:
            told = self._telling(message, outcome.reason)
            self._send(Topic.REJECTED, outcome.source, msgspec.json.encode(outcome), told)

    def _send(self, topic: Topic, key: str, value: bytes, told: Delivered) -> None:
        """Hand a message to the log; one that finds no room before the end is dropped, and was not acknowledged."""
        while True:
            try:
                self._messages.send(topic, key, value, told, timeout_s=_ROOM_S)
            except FullError:
                if self._is_stopping:
                    return
            # Raised by the loop: a source's thread cannot end the service, and has no acknowledgement to give.
            except KilowatchError as error:
                self._failure = error
                return
            else:
                return

    def _work(self, stop: threading.Event) -> None:
        due = time.monotonic()
        while not stop.is_set():
            if time.monotonic() >= due:
                due = time.monotonic() + TICK_S
                self._tick()
            self._messages.poll(_POLL_S)
            if self._failure is not None:
                raise self._failure

    def _tick(self) -> None:
        """Tell every partition what time it is, unless the last round is still on its way or there is no room."""
        if self._ticks_waiting:
            return
        tick = msgspec.json.encode(Tick(v=WIRE_V, received_ms=self._clock()))
        for partition in range(self._partitions):
            try:
                self._messages.send(Topic.DEVICES, None, tick, self._ticked, partition=partition, timeout_s=0.0)
            except FullError:
                return
            with self._lock:
                self._ticks_waiting += 1

    def _ticked(self, error: KilowatchError | None) -> None:
        with self._lock:
            self._ticks_waiting -= 1
            self.counts.ticks += error is None
        self._failure = error or self._failure

    def _telling(self, message: SourceMessage, reason: RejectReason | None) -> Delivered:
        def told(error: KilowatchError | None) -> None:
            if error is not None:
                self._failure = error
                return
            with self._lock:
                self.counts.published += reason is None
                self.counts.rejected += reason is not None
            if reason is None:
                self._published.labels(message.source).inc()
            else:
                self._rejected.labels(message.source, reason.value).inc()
            message.ack()

        return told
