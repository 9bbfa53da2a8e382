"""Carries out what people asked for: takes waiting jobs one by one, and writes down what came of each.

1. A job is taken: nobody else takes it.
2. It is carried out on the runner's thread; what takes long or much does so in a process of its own.
3. Its result is written down, or why there is none.
A process that dies between 1 and 3 leaves a running job behind: the next one says so, and does not try again, for
nobody knows what came of it.
"""

from __future__ import annotations

import logging
import threading
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
    """One thread. kinds: what carries out each kind of job, from the job to its result, both with JSON."""

    def __init__(
        self, database: Database, kinds: Mapping[JobKind, Callable[[Job], msgspec.Struct]], look_s: float = LOOK_S
    ) -> None:
        self._database, self._kinds, self._look_s = database, kinds, look_s
        self._news, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Say of jobs that a process before left behind that they failed, and begin."""
        with self._database.begin() as transaction:
            transaction.jobs.abandon(msgspec.json.encode(_LEFT), *self._kinds)
        self._thread.start()

    def wake(self) -> None:
        """Look at once: a job was asked for."""
        self._news.set()

    def stop(self) -> None:
        """Finish the job in hand and end."""
        self._stop.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def turn(self) -> bool:
        """Carry out the oldest job that waits; return whether there was one."""
        job = self._next()
        if job is None:
            return False
        state, result = self._done(job)
        with self._database.begin() as transaction:
            transaction.jobs.finish(job.id, state, msgspec.json.encode(result))
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self.turn():
                    continue
            except KilowatchError as error:
                _log.warning("Jobs wait: %s %s", error, error.hint)
            self._news.wait(self._look_s)
            self._news.clear()

    def _next(self) -> Job | None:
        # A look that only reads comes first: to take asks SQLite for its one write lock.
        with self._database.read() as transaction:
            if not transaction.jobs.waiting(*self._kinds):
                return None
        with self._database.begin() as transaction:
            return transaction.jobs.take(*self._kinds)

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
