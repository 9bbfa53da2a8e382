"""The stream data processor: from a source's message to Kafka's acknowledgement, beside the client's own ceiling."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from kilowatch.app.processor import Processor
from kilowatch.lab.bench.pipeline.broker import running
from kilowatch.lab.bench.pipeline.goals import GoalRow, printed
from kilowatch.lab.bench.pipeline.meters import message, seen_w, site_of
from kilowatch.lab.bench.pipeline.run import PARTITIONS
from kilowatch.links.kafka.settings import Access
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.kafka.writer import Writer
from kilowatch.links.source import SourceMessage
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.lab.bench.pipeline.loads import Bench
    from kilowatch.links.source import Put

_MOST = 200_000


class _Ready:
    """A source that has everything ready, and counts what is safe."""

    name = "ready"

    def __init__(self, messages: Sequence[bytes]) -> None:
        self._messages = messages
        self._thread: threading.Thread | None = None
        self.safe = 0
        self.all_safe = threading.Event()

    def start(self, put: Put) -> None:
        """Hand everything over from a thread."""
        self._thread = threading.Thread(target=self._put_all, args=(put,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wait until all is handed over."""
        if self._thread is not None:
            self._thread.join()

    def _put_all(self, put: Put) -> None:
        for raw in self._messages:
            put(SourceMessage(self.name, raw, None, wall_ms(), self._acknowledged))

    def _acknowledged(self) -> None:
        self.safe += 1
        if self.safe == len(self._messages):
            self.all_safe.set()


def rows(bench: Bench) -> list[GoalRow]:
    """Publish the same messages through the processor and by the client library alone."""
    count = min(_MOST, bench.devices)
    messages = [message(site_of(number), 0, seen_w(0)[0]) for number in range(count)]
    with running(bench.bootstrap, PARTITIONS) as broker:
        access = Access(broker.bootstrap)
        alone_us = _alone(Writer(access), messages)
        ours_us = _through(Writer(access), messages)
    return [
        printed("processor_readings_per_core_s", 1e6 / ours_us, "1/s"),
        printed("processor_us", ours_us, "us/reading"),
        printed("processor_client_alone_us", alone_us, "us/reading"),
        printed("processor_over_client", ours_us / alone_us, "ratio", "gate and log; sources of each kind apart"),
    ]


def _through(writer: Writer, messages: Sequence[bytes]) -> float:
    source, stop = _Ready(messages), threading.Event()
    processor = Processor([source], writer, PARTITIONS, wall_ms)
    thread = threading.Thread(target=processor.run, args=(stop,))
    # Time of the whole process: what the client's own threads do counts here as it does in `_alone`.
    began = time.process_time()
    thread.start()
    source.all_safe.wait(300.0)
    spent_s = time.process_time() - began
    stop.set()
    thread.join()
    return 1e6 * spent_s / len(messages)


def _alone(writer: Writer, messages: Sequence[bytes]) -> float:
    began = time.process_time()
    for number, raw in enumerate(messages):
        writer.send(Topic.DEVICES, site_of(number), raw)
        if number % 1000 == 0:
            writer.poll()
    writer.flush(300.0)
    return 1e6 * (time.process_time() - began) / len(messages)
