"""Tasks of a suite in worker processes: one a core, each with one thread, results in the order of the tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

from kilowatch.errors import KilowatchError

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[int, int], None]
"""Called with tasks done and all tasks."""

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def cores() -> int:
    """Return how many processes this machine can keep busy."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(work: Callable[[T], list[R]], tasks: Sequence[T], workers: int, progress: Progress) -> list[R]:
    """Return what all tasks found, one list; in this process where `workers` is 1."""
    found: list[R] = []
    try:
        with _results(work, tasks, min(workers, len(tasks))) as results:
            for done, result in enumerate(results, 1):
                found.extend(result)
                progress(done, len(tasks))
    except BrokenProcessPool as error:
        raise KilowatchError(
            "A worker process was ended from outside, as happens when memory runs out.", "Try again with --workers 1."
        ) from error
    return found


@contextmanager
def _results(work: Callable[[T], list[R]], tasks: Sequence[T], workers: int) -> Iterator[Iterator[list[R]]]:
    if workers <= 1:
        yield map(work, tasks)
        return
    # Spawned: a forked process has libraries loaded that have long read how many threads to use.
    with _one_thread_each(), ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield pool.map(work, tasks)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that start now use one thread each: two of them with two threads each are slower than one."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
