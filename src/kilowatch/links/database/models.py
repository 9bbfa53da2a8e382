"""The models and jobs tables: which artifact judges a kind, and what people asked services to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from kilowatch.core.records import Job, JobState, ModelChoice
from kilowatch.links.database.rows import insert_into, struct_of
from kilowatch.links.database.tables import jobs, models

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from kilowatch.core.device import Kind

_LOCKS = 0x6B77_6A00_0000_0000
"""Beside the numbers of other programs that share the server."""


class Models:
    """Live and shadow artifacts of each kind within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[ModelChoice]:
        """Return every choice made, by kind."""
        rows = self._connection.execute(select(models).order_by(models.c.kind))
        return [struct_of(row, ModelChoice) for row in rows]

    def choose(self, kind: Kind, live: str | None, shadow: str | None = None) -> ModelChoice:
        """Set the artifacts of a kind, one version on."""
        insert = insert_into(self._connection, models).values(kind=kind.value, version=1, live=live, shadow=shadow)
        change = {"version": models.c.version + 1, "live": insert.excluded.live, "shadow": insert.excluded.shadow}
        self._connection.execute(insert.on_conflict_do_update(index_elements=["kind"], set_=change))
        row = self._connection.execute(select(models).where(models.c.kind == kind.value)).one()
        return struct_of(row, ModelChoice)


class Jobs:
    """Wishes of people and how far they have come, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(self, kind: str, wish: bytes, who: str, ts_ms: int) -> int:
        """Add a job and return its id."""
        values = {"kind": kind, "state": JobState.WAITING.value, "who": who, "asked_ms": ts_ms, "wish": wish}
        return self._connection.execute(jobs.insert().values(values).returning(jobs.c.id)).scalar_one()

    def get(self, job: int) -> Job | None:
        """Return a job, None where there is none of that id."""
        row = self._connection.execute(select(jobs).where(jobs.c.id == job)).one_or_none()
        return None if row is None else struct_of(row, Job)

    def last(self, limit: int = 50, kind: str | None = None) -> list[Job]:
        """Return the newest jobs, newest first; of one kind alone where it is given."""
        wanted = select(jobs).order_by(jobs.c.id.desc()).limit(limit)
        rows = self._connection.execute(wanted if kind is None else wanted.where(jobs.c.kind == kind))
        return [struct_of(row, Job) for row in rows]

    def waiting(self, *kinds: str) -> int:
        """Return how many jobs of these kinds nobody has taken yet."""
        of_kinds = jobs.c.kind.in_(kinds) & (jobs.c.state == JobState.WAITING.value)
        return self._connection.execute(select(func.count()).select_from(jobs).where(of_kinds)).scalar_one()

    def abandon(self, result: bytes, *kinds: str) -> None:
        """Say of running jobs of these kinds whose runner is gone, for nobody holds them, that they failed."""
        running = jobs.c.kind.in_(kinds) & (jobs.c.state == JobState.RUNNING.value)
        left = [job for job in self._connection.execute(select(jobs.c.id).where(running)).scalars() if self._free(job)]
        self._connection.execute(
            update(jobs).where(running, jobs.c.id.in_(left)).values(state=JobState.FAILED.value, result=result)
        )

    def take(self, *kinds: str) -> Job | None:
        """Take the oldest waiting job of these kinds, so that nobody else does; None where there is none."""
        waiting = select(jobs.c.id).where(jobs.c.kind.in_(kinds), jobs.c.state == JobState.WAITING.value)
        # skip_locked: a second taker goes on to the next job instead of waiting for one that will be gone.
        oldest = waiting.order_by(jobs.c.id).limit(1).with_for_update(skip_locked=True).scalar_subquery()
        running = update(jobs).where(jobs.c.id == oldest).values(state=JobState.RUNNING.value).returning(jobs)
        row = self._connection.execute(running).one_or_none()
        return None if row is None else struct_of(row, Job)

    def report(self, job: int, result: bytes) -> bool:
        """Say how far a running job has come; return whether it still runs, for a person may have given it up."""
        running = (jobs.c.id == job) & (jobs.c.state == JobState.RUNNING.value)
        return self._connection.execute(update(jobs).where(running).values(result=result)).rowcount > 0

    def finish(self, job: int, state: JobState, result: bytes | None = None) -> bool:
        """Say how a job ended; return whether it had not ended before, for then the first word stands."""
        pending = (jobs.c.id == job) & jobs.c.state.in_((JobState.WAITING.value, JobState.RUNNING.value))
        ended = update(jobs).where(pending).values(state=state.value, result=result)
        return self._connection.execute(ended).rowcount > 0

    def _free(self, job: int) -> bool:
        # A file of SQLite has one process that runs jobs: whatever it finds running was left behind.
        if self._connection.dialect.name != "postgresql":
            return True
        return bool(self._connection.execute(select(func.pg_try_advisory_xact_lock(lock_of(job)))).scalar_one())


def lock_of(job: int) -> int:
    """Return PostgreSQL's number of the lock that whoever runs a job holds."""
    return _LOCKS + job
