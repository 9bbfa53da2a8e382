"""The same messages through kilowatch, plain Python and Quix Streams: CPU time a reading, each without Kafka."""

from __future__ import annotations

import shutil
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import kilowatch
from kilowatch.app.partition import PartitionJudge
from kilowatch.lab.bench.pipeline.goals import GoalRow, at_least, printed, skipped
from kilowatch.lab.bench.pipeline.meters import PATTERNS, Meters, message, seen_w, site_of
from kilowatch.lab.bench.pipeline.plain import Plain
from kilowatch.lab.bench.pipeline.seasoned import experienced, seasoned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kilowatch.core.device import DeviceRecord
    from kilowatch.lab.bench.pipeline.loads import Bench

_BATCH = 5_000
_MOST_DEVICES = 100_000
_STEPS = 3
_PLAIN_TIMES, _QUIX_TIMES = 3.0, 8.0


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
    ours, theirs = float(np.median(ours_us[1:])), float(np.median(plain_us[1:]))
    return [
        printed("peers_kilowatch_us", ours, "us/reading"),
        printed("peers_plain_python_us", theirs, "us/reading"),
        at_least("peers_plain_python_over_kilowatch", theirs / ours, "ratio", _PLAIN_TIMES),
        *_quix(ours),
    ]


def _judge(judge: PartitionJudge, said: Sequence[bytes]) -> None:
    for start in range(0, len(said), _BATCH):
        part = said[start : start + _BATCH]
        judge.take(range(judge.next_offset, judge.next_offset + len(part)), part)


def _said(numbers: Sequence[int], step: int) -> list[bytes]:
    watts = seen_w(step)
    order = np.random.default_rng(step).permutation(len(numbers)).tolist()
    return [message(site_of(numbers[slot]), step, watts[slot % PATTERNS]) for slot in order]


def _us(call: Callable[[], object], readings: int) -> float:
    began = time.process_time()
    call()
    return 1e6 * (time.process_time() - began) / readings


def _quix(ours_us: float) -> list[GoalRow]:
    """Run the peer in an environment of its own: `.run/peers`, with quixstreams in it."""
    python = Path(kilowatch.__file__).parents[2] / ".run" / "peers" / "bin" / "python"
    script = Path(__file__).parent / "quix_peer.py"
    if shutil.which(str(python)) is None:
        return [skipped("peers_quix_over_kilowatch", "there is no .run/peers with quixstreams installed")]
    done = subprocess.run(  # noqa: S603 - our own script in an environment that the user made
        [str(python), str(script)], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        return [skipped("peers_quix_over_kilowatch", done.stderr.strip()[-200:])]
    theirs = float(done.stdout.split()[-1])
    return [
        printed("peers_quix_us", theirs, "us/reading"),
        at_least("peers_quix_over_kilowatch", theirs / ours_us, "ratio", _QUIX_TIMES),
    ]
