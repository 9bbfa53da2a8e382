"""The same messages through kilowatch, plain Python and Quix Streams: CPU time a reading, with Kafka for the last."""

from __future__ import annotations

import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.app.partition import PartitionJudge
from kilowatch.lab.bench.edge_peers import HOME
from kilowatch.lab.bench.pipeline import quix_peer
from kilowatch.lab.bench.pipeline.broker import running
from kilowatch.lab.bench.pipeline.goals import GoalRow, at_least, printed, skipped
from kilowatch.lab.bench.pipeline.loads import cpu_us
from kilowatch.lab.bench.pipeline.meters import PATTERNS, Meters, message, seen_w, site_of
from kilowatch.lab.bench.pipeline.plain import Plain
from kilowatch.lab.bench.pipeline.run import PARTITIONS, Load
from kilowatch.lab.bench.pipeline.seasoned import experienced, seasoned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from subprocess import CompletedProcess

    from kilowatch.core.device import DeviceRecord
    from kilowatch.lab.bench.pipeline.loads import Bench

_BATCH = 5_000
# A million of plain Python's objects, each with its window, would not fit into a usual machine.
_MOST_DEVICES = 100_000
_STEPS = 3
_PLAIN_TIMES, _QUIX_TIMES = 3.0, 8.0
_QUIX_ROW = "peers_quix_over_kilowatch"
_QUIX_DEVICES = 20_000
_BUSY_PER_S, _BUSY_S = 30_000.0, 60.0


class _NoRecords:
    """A registry that knows nobody."""

    def record(self, site: str, device: str, version: int = 0) -> DeviceRecord | None:
        """Return nothing."""
        del site, device, version
        return None


def rows(bench: Bench) -> list[GoalRow]:
    """Measure ours and plain Python in turn, step by step, so that the machine's moods fall on both alike."""
    devices = min(bench.devices, _MOST_DEVICES)
    numbers = Meters(devices, 1).by_partition[0]
    judge = PartitionJudge(seasoned(experienced(), numbers), _NoRecords(), 0, 0)
    plain, ours_us, plain_us = Plain(), [], []
    for step in range(_STEPS + 1):
        said = _said(numbers, step)
        ours_us.append(_us(partial(_judge, judge, said), len(said)))
        plain_us.append(_us(partial(plain.take_all, said), len(said)))
    # Without the first step: in it plain Python makes an object for each device.
    ours, theirs = float(np.median(ours_us[1:])), float(np.median(plain_us[1:]))
    return [
        printed("peers_kilowatch_us", ours, "us/reading"),
        printed("peers_plain_python_us", theirs, "us/reading"),
        at_least("peers_plain_python_over_kilowatch", theirs / ours, "ratio", _PLAIN_TIMES),
        *_quix(bench),
    ]


def _judge(judge: PartitionJudge, said: Sequence[bytes]) -> None:
    for start in range(0, len(said), _BATCH):
        part = said[start : start + _BATCH]
        judge.take(range(judge.next_offset, judge.next_offset + len(part)), part)


def _said(numbers: Sequence[int], step: int) -> list[bytes]:
    watts = seen_w(step)
    # Not in the order of slots: in a partition neighbours in memory do not speak one after the other.
    order = np.random.default_rng(step).permutation(len(numbers)).tolist()
    return [message(site_of(numbers[slot]), step, watts[slot % PATTERNS]) for slot in order]


def _us(call: Callable[[], object], readings: int) -> float:
    began = time.process_time()
    call()
    return 1e6 * (time.process_time() - began) / readings


def _quix(bench: Bench) -> list[GoalRow]:
    """Run the peer on a broker, and ours on another: both figures hold the Kafka client and what keeps state."""
    python = HOME / "quix" / "bin" / "python"
    if not (HOME / "quix" / "ready").exists():
        return [skipped(_QUIX_ROW, "not installed: python scripts/peers.py quix")]
    bench.say("the same in Quix Streams")
    meters = min(bench.devices, _QUIX_DEVICES)
    done = _run_quix(bench, python, _said_by(range(meters), _STEPS + 1), meters)
    if done.returncode:
        return [skipped(_QUIX_ROW, done.stderr.strip()[-200:])]
    theirs = float(done.stdout.split()[-1])
    # At a rate that keeps it busy, as the peer is: at rest, polling and snapshots would fall on few readings.
    load = Load(
        min(bench.devices, _MOST_DEVICES), _BUSY_PER_S * bench.rate_share, min(_BUSY_S, bench.seconds), workers=1
    )
    ours = cpu_us(bench.measured(load), "worker")
    return [
        printed("peers_quix_us", theirs, "us/reading"),
        printed("peers_kilowatch_service_us", ours, "us/reading"),
        at_least(_QUIX_ROW, theirs / ours if ours else None, "ratio", _QUIX_TIMES),
    ]


def _said_by(numbers: Sequence[int], steps: int) -> list[bytes]:
    return [said for step in range(steps) for said in _said(numbers, step)]


def _run_quix(bench: Bench, python: Path, said: list[bytes], meters: int) -> CompletedProcess[str]:
    with running(bench.bootstrap, PARTITIONS, None) as broker:
        messages = broker.folder / "messages"
        messages.write_bytes(b"\n".join(said))
        words = (broker.bootstrap, str(messages), str(broker.folder / "quix"), str(meters))
        return subprocess.run(  # noqa: S603 - our own script in an environment of the peer
            [str(python), "-P", quix_peer.__file__, *words], capture_output=True, text=True, timeout=600, check=False
        )
