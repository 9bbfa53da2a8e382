"""What the outside sees of a run: outcomes as a read-committed reader gets them, and how far readings are behind."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kilowatch.links.kafka.client import kafka
from kilowatch.links.kafka.place import Place, handle
from kilowatch.links.kafka.settings import QUICK, Access, reading
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class _Outcome(msgspec.Struct):
    site: str
    kind: str
    ts_ms: int


@dataclass(frozen=True, slots=True)
class Sample:
    """At a time: how many messages lie in the topic, and how many of them are done with for good."""

    at_s: float
    written: int
    done: int

    @property
    def lag(self) -> int:
        """How many wait."""
        return self.written - self.done


class _Thread:
    """Calls one step again and again until it is stopped."""

    def __init__(self, step: Callable[[], None]) -> None:
        self._step = step
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._step()


class Outcomes:
    """Reads `IoTAnomalies` as a subscriber would; seen: (site, event time, ms UTC on arrival) of every event."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self.seen: list[tuple[str, int, int]] = []
        self._decode = msgspec.json.Decoder(_Outcome).decode
        # What its own fetches wait would count as the detectors' latency.
        self._consumer = kafka().Consumer(reading(Access(bootstrap), "bench-outcomes", QUICK))
        self._consumer.assign([handle(Place(str(Topic.ANOMALIES), one), 0) for one in range(partitions)])
        self._thread = _Thread(self._step)

    def close(self) -> None:
        """Stop reading."""
        self._thread.stop()
        self._consumer.close()

    def _step(self) -> None:
        messages = self._consumer.consume(1000, 0.005)
        now_ms = round(time.time() * 1000)
        for message in messages:
            if message.error() is None:
                outcome = self._decode(message.value())
                self.seen.append((outcome.site, outcome.ts_ms, now_ms))


class Progress:
    """Samples, once a second, how far the group has come."""

    def __init__(self, bootstrap: str, group: str, partitions: int) -> None:
        self.samples: list[Sample] = []
        self._places = [Place(str(Topic.DEVICES), one) for one in range(partitions)]
        # In the group's name to ask for its offsets, but never subscribed: a further member would move partitions.
        self._consumer = kafka().Consumer(Access(bootstrap).options() | {"group.id": group})
        self._thread = _Thread(self._step)

    def now(self) -> Sample:
        """Return how it stands."""
        ends = [self._consumer.get_watermark_offsets(handle(place), timeout=30.0)[1] for place in self._places]
        committed = self._consumer.committed([handle(place) for place in self._places], timeout=30.0)
        # Where nothing has been committed the library gives a negative offset.
        return Sample(time.time(), sum(ends), sum(max(0, one.offset) for one in committed))

    def close(self) -> None:
        """Stop asking."""
        self._thread.stop()
        self._consumer.close()

    def _step(self) -> None:
        self.samples.append(self.now())
        time.sleep(1.0)


def latencies_ms(appended: list[tuple[str, int, int]], seen: list[tuple[str, int, int]]) -> NDArray[np.int64]:
    """Return from a reading's append to the arrival of the event that it brought, ms, int64[events]."""
    when: dict[tuple[str, int], int] = {}
    for site, ts_ms, at_ms in seen:
        when.setdefault((site, ts_ms), at_ms)
    found: list[Any] = [when[site, ts_ms] - at_ms for site, ts_ms, at_ms in appended if (site, ts_ms) in when]
    return np.array(found, dtype=np.int64)
