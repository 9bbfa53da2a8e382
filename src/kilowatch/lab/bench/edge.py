"""`kilowatch bench edge`: one window from raw watts to verdict, ours beside every runtime a user would pick.

Each runtime runs in a process of its own, on one thread, pinned to one core, in turns of one run, so that the
machine's moods fall on all alike.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.lab.bench.edge_files import SHAPE, WINDOWS, write_files
from kilowatch.lab.bench.edge_floor import floor_us
from kilowatch.lab.bench.edge_peers import Runtime, fuse, install, python_of
from kilowatch.lab.bench.edge_start import start_rows
from kilowatch.lab.bench.edge_worker import RUNTIMES
from kilowatch.lab.bench.pipeline.goals import at_least, at_most, printed, skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kilowatch.core.outputs import BenchRow

ROUNDS = 20
_CALLS = 100
_SLOW_CALLS = 10
# A hundred calls of Keras would stretch a turn until the machine's mood has changed within it.
_SLOW = frozenset({"keras_jax", "keras_tf"})
_BATCHES = (32, 256)
_THROUGHPUT_S = 1.0
PAPER_US = 935.0
_GOALS = {"onnxruntime": ("over", 1.1), "litert": ("times", 2), "keras_jax": ("times", 3), "keras_tf": ("times", 40)}


def rows(say: Callable[[str], None], *, quick: bool, peers: bool) -> list[BenchRow]:
    """Measure everything; `peers` installs the runtimes that are missing, `quick` takes a tenth of the rounds."""
    if peers:
        install(say)
    with TemporaryDirectory() as name:
        folder = Path(name)
        say("building the model")
        write_files(folder)
        missing = _missing(folder)
        say("one window at a time")
        taken = latencies_ns(folder, [each for each in RUNTIMES if each not in missing], 2 if quick else ROUNDS)
        found = latency_rows(taken, missing)
        floor = floor_us(SHAPE)
        found += [printed("floor_us", floor, "us", "products at this core's measured peak, and activations")]
        found += [printed("kilowatch_over_floor", _p50_us(taken["kilowatch"]) / floor, "ratio")]
        say("batches")
        found += batch_rows(folder)
        found += throughput_rows(folder)
        say("fresh processes")
        return found + start_rows(folder, rounds=2 if quick else 9)


def _missing(folder: Path) -> dict[str, str]:
    """Return the runtimes that cannot run here, and why."""
    why = "not installed: --peers installs it"
    missing = {name: why for name in RUNTIMES if python_of(name) is None}
    if "litert" not in missing and not fuse(folder):
        missing["litert"] = "its fused file is made by Keras 2 on TensorFlow: --peers installs it"
    return missing


def latencies_ns(folder: Path, names: Sequence[str], rounds: int) -> dict[str, list[int]]:
    """Return the nanoseconds of single windows by runtime, taken in turns."""
    taken: dict[str, list[int]] = {name: [] for name in names}
    with ExitStack() as stack:
        running = [stack.enter_context(closing(Runtime(name, folder, _core()))) for name in names]
        for _ in range(rounds):
            for runtime in running:
                runtime.ask(1, _SLOW_CALLS if runtime.name in _SLOW else _CALLS)
                taken[runtime.name] += runtime.answer_ns()
    return taken


def latency_rows(taken: Mapping[str, Sequence[int]], missing: Mapping[str, str]) -> list[BenchRow]:
    """Return p50 and p99 of each runtime, and ours against the goals."""
    found: list[BenchRow] = []
    for name in RUNTIMES:
        if name in missing:
            found.append(skipped(f"{name}_us_p50", missing[name]))
            continue
        found.append(printed(f"{name}_us_p50", _p50_us(taken[name]), "us"))
        found.append(printed(f"{name}_us_p99", float(np.percentile(taken[name], 99)) / 1000, "us"))
    ours = _p50_us(taken["kilowatch"])
    for name, (sense, goal) in _GOALS.items():
        if name in missing:
            continue
        theirs = _p50_us(taken[name])
        if sense == "over":
            found.append(at_most(f"kilowatch_over_{name}", ours / theirs, "ratio", goal))
        else:
            found.append(at_least(f"{name}_over_kilowatch", theirs / ours, "ratio", goal))
    return found


def batch_rows(folder: Path) -> list[BenchRow]:
    """Return microseconds a window of the edge paper's 600 windows at once."""
    with closing(Runtime("kilowatch", folder, _core())) as runtime:
        runtime.ask(WINDOWS, ROUNDS)
        amortised = _p50_us(runtime.answer_ns()) / WINDOWS
    note = f"the edge paper prints {PAPER_US:g} us, on a Raspberry Pi"
    return [printed("kilowatch_batch_600_us", amortised, "us", note)]


def throughput_rows(folder: Path) -> list[BenchRow]:
    """Return windows a second at two batch sizes, with one process and with two."""
    found: list[BenchRow] = []
    for size in _BATCHES:
        one = _windows_per_s(folder, size, _cores()[:1])
        found.append(printed(f"windows_per_s_batch_{size}", one, "1/s"))
        if len(_cores()) < 2:
            found.append(skipped(f"scaling_batch_{size}", "needs two cores"))
            continue
        two = _windows_per_s(folder, size, _cores()[:2])
        found.append(printed(f"windows_per_s_batch_{size}_two", two, "1/s"))
        found.append(at_least(f"scaling_batch_{size}", two / one, "ratio", 1.9))
    return found


def _windows_per_s(folder: Path, size: int, cores: Sequence[int]) -> float:
    with ExitStack() as stack:
        running = [stack.enter_context(closing(Runtime("kilowatch", folder, core))) for core in cores]
        for runtime in running:
            runtime.ask(size, 20)
        # Each has loaded its model before the clock starts: what loads within it would count as slow.
        took_us = [_p50_us(runtime.answer_ns()) for runtime in running]
        calls = max(10, round(_THROUGHPUT_S * 1e6 / took_us[0]))
        started = time.perf_counter()
        # All are asked before any answer is waited for, or they would run one after the other.
        for runtime in running:
            runtime.ask(size, calls)
        for runtime in running:
            runtime.answer_ns()
        return len(running) * calls * size / (time.perf_counter() - started)


def _p50_us(taken_ns: Sequence[int]) -> float:
    return float(np.median(taken_ns)) / 1000


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def _core() -> int:
    return _cores()[-1]
