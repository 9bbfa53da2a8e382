"""The edge's outbox through a long outage: how much room readings take, and that they leave in order."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kilowatch.core.events import WIRE_V, Reading
from kilowatch.lab.bench.pipeline.goals import GoalRow, at_most, printed
from kilowatch.lab.bench.pipeline.meters import START_MS, seen_w
from kilowatch.links.outbox import DiskOutbox, OutboxLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.lab.bench.pipeline.loads import Bench

READINGS = 12_000_000
_PLUGS = 100
_AT_ONCE = 10_000
_STEP_MS = 5_000
_MB = 300.0


def rows(bench: Bench) -> list[GoalRow]:
    """Fill an outbox with what a home of 100 plugs says every 5 s in a week, and drain it."""
    total = round(READINGS * min(1.0, bench.devices / 1_000_000))
    with tempfile.TemporaryDirectory() as folder:
        # Far above the goal: at the limit the oldest are dropped, and the size would be that of the limit.
        outbox = DiskOutbox(Path(folder), OutboxLimits(max_bytes=2 * 10**9))
        began = time.process_time()
        for part in _readings(total):
            outbox.put(part)
        filled_s = time.process_time() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        began = time.process_time()
        left, in_order = _drained(outbox)
        drained_s = time.process_time() - began
        outbox.close()
    return [
        at_most("outbox_mb_12m_readings", size / 1e6 * READINGS / total, "MB", _MB),
        at_most("outbox_not_in_order", 0.0 if in_order else 1.0, "", 0.0),
        at_most("outbox_lost", float(total - left), "readings", 0.0),
        printed("outbox_put_us", 1e6 * filled_s / total, "us/reading"),
        printed("outbox_drain_us", 1e6 * drained_s / total, "us/reading"),
    ]


def _readings(total: int) -> Iterator[list[Reading]]:
    for start in range(0, total, _AT_ONCE):
        yield [_reading(number) for number in range(start, min(total, start + _AT_ONCE))]


def _reading(number: int) -> Reading:
    step, plug = divmod(number, _PLUGS)
    watts = seen_w(step % 300)
    # Some ms apart, as plugs are: columns of equal times would pack better than those of any home.
    ts_ms = START_MS + step * _STEP_MS + 37 * plug
    return Reading(
        v=WIRE_V,
        site="home",
        device=f"plug-{plug:02d}",
        ts_ms=ts_ms,
        received_ms=ts_ms + 80,
        power_w=round(watts[plug % len(watts)] / 10, 1),
        energy_wh=round(1000.0 + step * 0.1 + plug, 1),
        source="mqtt:home",
    )


def _drained(outbox: DiskOutbox) -> tuple[int, bool]:
    """Return how many readings left, and whether each came at its time."""
    left, newest_ms, in_order = 0, 0, True
    while (batch := outbox.next_readings(START_MS + READINGS * _STEP_MS)) is not None:
        for message in batch.messages:
            in_order &= message.ts_ms[0] >= newest_ms - _STEP_MS
            newest_ms = message.ts_ms[-1]
            left += len(message.ts_ms)
        outbox.done(batch)
    return left, in_order
