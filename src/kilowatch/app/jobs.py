"""Carries out what people asked for: takes waiting jobs of a kind one by one, and writes down what came of each.

1. A job is taken and held: nobody else takes it, and who starts meanwhile sees that its runner lives.
2. It is carried out on the thread of its kind; what takes long or much does so in a process of its own.
3. Its result is written down, or why there is none.
A process that dies between 1 and 3 leaves a running job behind: the next one says so, and does not try again, for
nobody knows what came of it.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.jobs import JobFailure
from kilowatch.core.records import JobState
from kilowatch.errors import KilowatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kilowatch.core.jobs import JobKind
    from kilowatch.core.records import Job
    from kilowatch.links.database import Database

LOOK_S = 1.0
_log = logging.getLogger("kilowatch.jobs")
_LEFT = JobFailure(error="The process ended before it was done.", hint="Look how things stand, then ask again.")
_UNFORESEEN = JobFailure(error="Something went wrong inside kilowatch.", hint="The log says more.")


class JobRunner:
    """One thread a kind: a wish to switch is void after two minutes, and a rehearsal takes longer.

    kinds: what carries out each kind of job, from the job to its result, both with JSON.
    """

    def __init__(
        self, database: Database, kinds: Mapping[JobKind, Callable[[Job], msgspec.Struct]], look_s: float = LOOK_S
    ) -> None:
        self._database, self._kinds, self._look_s = database, kinds, look_s
        self._news, self._stop = {kind: threading.Event() for kind in kinds}, threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(kind, news), name=f"jobs-{kind}", daemon=True)
            for kind, news in self._news.items()
        ]

    def start(self) -> None:
        """Say of jobs that a process before left behind that they failed, and begin."""
        with self._database.begin() as transaction:
            transaction.jobs.abandon(msgspec.json.encode(_LEFT), *self._kinds)
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look at once: a job was asked for."""
        for news in self._news.values():
            news.set()

    def stop(self) -> None:
        """Finish the jobs in hand and end."""
        self._stop.set()
        self.wake()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def turn(self, *kinds: JobKind) -> bool:
        """Carry out the oldest job of these kinds, or of any, that waits; return whether there was one."""
        with ExitStack() as held:
            job = self._next(held, kinds or tuple(self._kinds))
            if job is None:
                return False
            state, result = self._done(job)
            with self._database.begin() as transaction:
                transaction.jobs.finish(job.id, state, msgspec.json.encode(result))
        return True

    def _run(self, kind: JobKind, news: threading.Event) -> None:
        while not self._stop.is_set():
            try:
                if self.turn(kind):
                    continue
            except KilowatchError as error:
                _log.warning("Jobs wait: %s %s", error, error.hint)
            news.wait(self._look_s)
            news.clear()

    def _next(self, held: ExitStack, kinds: tuple[JobKind, ...]) -> Job | None:
        # A look that only reads comes first: to take asks SQLite for its one write lock.
        with self._database.read() as transaction:
            if not transaction.jobs.waiting(*kinds):
                return None
        with self._database.begin() as transaction:
            job = transaction.jobs.take(*kinds)
            if job is not None:
                # Before anybody can see it running: who starts just then would take it for left behind.
                held.enter_context(self._database.holding(job.id))
            return job

    def _done(self, job: Job) -> tuple[JobState, msgspec.Struct]:
        try:
            carry_out = next(carry for kind, carry in self._kinds.items() if kind == job.kind)
            return JobState.DONE, carry_out(job)
        except KilowatchError as error:
            return JobState.FAILED, JobFailure(error=str(error), hint=error.hint)
        # A job that goes wrong in a way nobody thought of must not take the thread from all that come after.
        except Exception:
            _log.exception("Job %d, %s, failed.", job.id, job.kind)
            return JobState.FAILED, _UNFORESEEN
