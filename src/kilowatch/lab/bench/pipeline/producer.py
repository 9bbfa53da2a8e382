"""The readings of the benchmark: one JSON message each, keyed by site, made beforehand but for time and power."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kilowatch.lab.bench.pipeline.meters import FAULT_W, PATTERNS, Meters, head, seen_w, site_of, tail, time_of
from kilowatch.links.kafka.client import kafka
from kilowatch.links.kafka.settings import Access
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Short beside the 100 ms that the quickest latency is promised in, so that the flow counts as even.
TICK_S = 0.02
_QUEUE = 2_000_000


class ProducerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to say and how fast.

    rate: readings a second. steps: how often every meter speaks. active_s of every cycle_s: a whole step comes within
    that time, where a burst is wanted; None for an even flow. odd: the share of meters that break. first_step: where
    an earlier producer left off.
    """

    bootstrap: str
    folder: str
    devices: int
    partitions: int
    rate: float
    steps: float
    first_step: int = 0
    active_s: float | None = None
    odd: float = 0.001
    odd_from: float = 0.0
    odd_until: float = 1.0
    linger_ms: int = 25


class Flow(msgspec.Struct):
    """What a producer has sent. late_s: how far it fell behind its own timetable at the worst."""

    began_s: float = 0.0
    ended_s: float = 0.0
    sent: int = 0
    late_s: float = 0.0


class Producer:
    """Sends steps of the whole fleet, every partition alike, in an order that has nothing to do with slots."""

    def __init__(self, plan: ProducerPlan) -> None:
        self._plan = plan
        self.appended: list[tuple[str, int, int]] = []
        self.flow = Flow()
        # an acknowledgement of one broker is all there is; the rest is as the product's own writer has it
        own = {
            "acks": 1,
            "linger.ms": plan.linger_ms,
            "compression.type": "lz4",
            "queue.buffering.max.messages": _QUEUE,
        }
        self._producer = kafka().Producer(Access(plan.bootstrap).options() | own)
        rng = np.random.default_rng(1)
        meters = Meters(plan.devices, plan.partitions)
        self._orders = [rng.permutation(len(numbers)) for numbers in meters.by_partition]
        self._heads = [
            [head(site_of(numbers[slot])) for slot in order.tolist()]
            for numbers, order in zip(meters.by_partition, self._orders, strict=True)
        ]
        self._keys = [
            [site_of(numbers[slot]).encode() for slot in order.tolist()]
            for numbers, order in zip(meters.by_partition, self._orders, strict=True)
        ]
        self._onset = [self._onsets(len(order)) for order in self._orders]

    def run(self) -> None:
        """Send it all in time."""
        self.flow.began_s = time.time()
        began = time.monotonic()
        for due_s, step, part in self._timetable():
            wait_s = began + due_s - time.monotonic()
            if wait_s > 0:
                # Acknowledgements are heard while nothing is due; they cost some of the wait, so it is taken anew.
                self._producer.poll(0)
                time.sleep(max(0.0, began + due_s - time.monotonic()))
            else:
                self.flow.late_s = max(self.flow.late_s, -wait_s)
            self._send(step, part)
        self._producer.flush(60.0)
        self.flow.ended_s = time.time()

    def _timetable(self) -> Iterator[tuple[float, int, tuple[float, float]]]:
        """Yield when to send which share of a step."""
        plan = self._plan
        cycle_s = plan.devices / plan.rate
        active_s = plan.active_s or cycle_s
        ticks = max(1, round(active_s / TICK_S))
        for tick in range(round(plan.steps * ticks)):
            step, place = divmod(tick, ticks)
            yield (
                step * cycle_s + place * active_s / ticks,
                plan.first_step + step,
                (place / ticks, (place + 1) / ticks),
            )

    def _send(self, step: int, part: tuple[float, float]) -> None:
        tails = [tail(step, power_w) for power_w in seen_w(step)]
        broken = tail(step, FAULT_W)
        for partition, order in enumerate(self._orders):
            low, high = round(part[0] * len(order)), round(part[1] * len(order))
            heads, keys, onset = self._heads[partition], self._keys[partition], self._onset[partition]
            # By slot, as the snapshots were made: each meter goes on with the course that it has learnt.
            patterns = (order[low:high] % PATTERNS).tolist()
            messages: list[dict[str, Any]] = [
                {"value": first + tails[pattern], "key": key}
                for first, key, pattern in zip(heads[low:high], keys[low:high], patterns, strict=True)
            ]
            for row in np.flatnonzero(onset[low:high] <= step).tolist():
                messages[row]["value"] = heads[low + row] + broken
                messages[row]["callback"] = self._acknowledged(keys[low + row].decode(), time_of(step))
            self._hand_over(messages, partition)

    def _hand_over(self, messages: list[dict[str, Any]], partition: int) -> None:
        self.flow.sent += len(messages)
        done = self._producer.produce_batch(str(Topic.DEVICES), messages, partition=partition)
        while done < len(messages):
            self._producer.poll(0.01)
            messages = [one for one in messages if "_error" in one]
            # Left in, the mark would have a message sent twice that the next call takes.
            for one in messages:
                del one["_error"]
            done = self._producer.produce_batch(str(Topic.DEVICES), messages, partition=partition)

    def _acknowledged(self, site: str, ts_ms: int) -> Any:
        def note(error: Any, message: Any) -> None:
            if error is None:
                # The topic stamps at append, so the acknowledgement brings the broker's own time.
                self.appended.append((site, ts_ms, message.timestamp()[1]))

        return note

    def _onsets(self, size: int) -> NDArray[np.int64]:
        """Return from which step on each meter is broken, int64[size]; sound ones never are."""
        plan, onset = self._plan, np.full(size, np.iinfo(np.int64).max)
        broken = np.arange(0, size, max(1, round(1 / plan.odd))) if plan.odd else np.empty(0, dtype=np.int64)
        spread = np.linspace(plan.odd_from, plan.odd_until, len(broken), endpoint=False) * plan.steps
        onset[broken] = plan.first_step + np.random.default_rng(2).permutation(spread).astype(np.int64)
        return onset


def main(argument: str) -> None:
    """Wait for a line on standard input, send, and leave what was sent and when it was appended in the folder."""
    plan = msgspec.json.decode(argument, type=ProducerPlan)
    producer = Producer(plan)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    producer.run()
    folder = Path(plan.folder)
    (folder / "appended.json").write_bytes(msgspec.json.encode(producer.appended))
    (folder / "flow.json").write_bytes(msgspec.json.encode(producer.flow))


if __name__ == "__main__":
    main(sys.argv[1])
