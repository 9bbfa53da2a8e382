"""What would have happened: the samples of the newest snapshot, replayed at several sensitivities.

It takes minutes of a core, so a job starts it as a process of its own, at low priority, and reads its lines:
python -m kilowatch.app.rehearsing SNAPSHOTS DETECTOR LEARNING_DAYS, with the wish on standard input. Each line says
how far it has come, the last one what came of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kilowatch.app.edge.judge import Asking
from kilowatch.app.feed import in_time_order, slice_for
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.rehearsal import RATES, rehearsed
from kilowatch.app.replay import replay
from kilowatch.app.snapshot_files import SnapshotFiles
from kilowatch.app.subject import Subject
from kilowatch.core.device import ActsBy, Fleet, Reporting
from kilowatch.core.jobs import JobFailure, JobProgress, RehearseWish
from kilowatch.core.learning import DAY_MS, LearningPlan
from kilowatch.core.outputs import RehearseOutput
from kilowatch.core.policy import PolicyRules
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.records import JobState
from kilowatch.detectors.registry import create
from kilowatch.errors import ConfigError, KilowatchError, StateError
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import IO

    from kilowatch.app.pipeline import StepResult
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.records import Job
    from kilowatch.core.samples import Series
    from kilowatch.links.database import Database

WITHIN_S = 1800.0
_LOOK_S = 0.25
# Behind whoever watches the home, and yet not behind everything on a busy machine, where it would never end.
_NICE = 5
_REFUSED = 3
_BEGIN_MS, _END_MS = 0, 2**62
_START = msgspec.json.encode(JobProgress(share=0.0))


@dataclass(frozen=True, slots=True)
class Rehearsing:
    """Carries out jobs of kind `rehearse`. snapshots: the edge's; stop: given up when it is set.

    report: is told, JSON, how far a job has come, and returns whether it is still wanted.
    """

    snapshots: Path
    detector: str
    learning_days: float
    stop: threading.Event
    report: Callable[[int, bytes], bool] = lambda *_: True

    def __call__(self, job: Job) -> RehearseOutput:
        """Return alarms a device-week at each sensitivity; `ConfigError` where there is nothing to rehearse on."""
        command = [sys.executable, "-m", __name__, str(self.snapshots), self.detector, str(self.learning_days)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload] # noqa: S603 - our own command
            process.stdin.write(job.wish)
            process.stdin.close()
            try:
                said = self._last_line(process, process.stdout, job.id)
            finally:
                # Harmless to one that has ended, and nothing is left running where this fails.
                process.kill()
        if process.returncode == 0:
            return msgspec.json.decode(said, type=RehearseOutput)
        if process.returncode == _REFUSED:
            failure = msgspec.json.decode(said, type=JobFailure)
            raise ConfigError(failure.error, failure.hint)
        raise StateError(f"The rehearsal has ended with {process.returncode}.", "The log says more.")

    def _last_line(self, process: subprocess.Popen[bytes], lines: IO[bytes], job: int) -> bytes:
        deadline, said, progress = time.monotonic() + WITHIN_S, b"", _START
        # A process that says nothing for minutes must be given up in time all the same.
        os.set_blocking(lines.fileno(), False)
        while process.poll() is None:
            said += lines.read() or b""
            progress = [progress, *said.split(b"\n")[:-1]][-1]
            if self.stop.is_set() or time.monotonic() > deadline or not self.report(job, progress):
                raise ConfigError("The rehearsal was given up.", "Ask again, for fewer days or one device.")
            self.stop.wait(_LOOK_S)
        return (said + (lines.read() or b"")).rpartition(b"\n")[2]


def reporting(database: Database) -> Callable[[int, bytes], bool]:
    """Return what writes down how far a job has come."""

    def report(job: int, progress: bytes) -> bool:
        # A look that only reads comes first: to write asks SQLite for its one write lock.
        with database.read() as transaction:
            known = transaction.jobs.get(job)
        if known is None or known.state is not JobState.RUNNING or known.result == progress:
            return known is not None and known.state is JobState.RUNNING
        with database.begin() as transaction:
            return transaction.jobs.report(job, progress)

    return report


def rehearse(
    snapshots: Path,
    detector: str,
    learning_days: float,
    wish: RehearseWish,
    on_share: Callable[[float], None] = lambda _: None,
) -> RehearseOutput:
    """Return alarms a device-week at each sensitivity on what the newest snapshot holds; `ConfigError` for nothing.

    on_share: hears which share of the samples is through.
    """
    plan = LearningPlan(learning_days=learning_days)
    past = [series for series in _past(snapshots, detector, plan, wish) if len(series)]
    if not past:
        raise ConfigError("No samples are kept of that yet.", "Ask again once kilowatch has run for some days.")
    fleet = Fleet([_steady(series.record) for series in past])
    settings = PipelineSettings(plan=plan, rehearse=RATES)
    pipeline = Pipeline(fleet, create(detector), MemoryHistory(keep_ms=plan.horizon_ms), settings)
    rate = sum(1.0 / record.grid_s for record in fleet.records)
    streams = ([_readings(slot, series)] for slot, series in enumerate(past))
    passed, total = 0, sum(map(len, past))

    def count(batch: ReadingBatch, _: StepResult) -> None:
        nonlocal passed
        passed += len(batch)
        on_share(passed / total)

    outcome = replay(pipeline, in_time_order(streams, slice_for(rate)), count)
    return rehearsed(pipeline.rehearsals, len(fleet), outcome.tally.device_weeks)


def _past(snapshots: Path, detector: str, plan: LearningPlan, wish: RehearseWish) -> list[Series]:
    """Return the samples that the newest snapshot holds of the devices that are meant, over the days that are."""
    for snapshot in SnapshotFiles(snapshots).load():
        history = MemoryHistory(keep_ms=plan.horizon_ms)
        # Put together as the edge is: a state goes back only into a pipeline of the same make.
        asking = Asking(PolicyRules(side=ActsBy.EDGE))
        pipeline = Pipeline(Fleet(), create(detector), history, PipelineSettings(plan=plan), asking)
        Subject(pipeline, history).load(snapshot.packed)
        meant = [(slot, one) for slot, one in enumerate(pipeline.fleet.records) if _is_meant(one, wish)]
        every = [history.series(slot, record, _BEGIN_MS, _END_MS) for slot, record in meant]
        newest_ms = max((int(series.ts_ms[-1]) for series in every if len(series)), default=0)
        from_ms = newest_ms - round(wish.days * DAY_MS)
        return [series.part((series.ts_ms >= from_ms) & series.usable) for series in every]
    raise ConfigError("Nothing is saved yet to rehearse on.", "Ask again in a quarter of an hour.")


def _is_meant(record: DeviceRecord, wish: RehearseWish) -> bool:
    return wish.site in (None, record.site) and wish.device in (None, record.device)


def _steady(record: DeviceRecord) -> DeviceRecord:
    """Return the record of a device that speaks once a sample, as what is kept of it does."""
    return msgspec.structs.replace(
        record, interval_s=record.grid_s, reporting=Reporting.PERIODIC, heartbeat_s=None, muted_until=None
    )


def _readings(slot: int, series: Series) -> ReadingBatch:
    slots = np.full(len(series), slot, dtype=np.int32)
    return ReadingBatch(slots, series.ts_ms, series.power_w.astype(np.float64))


def main() -> int:
    """Rehearse as the command says, print lines of JSON, and return the exit code."""
    os.nice(_NICE)
    snapshots, detector, learning_days = sys.argv[1:]
    wish = msgspec.json.decode(sys.stdin.buffer.read(), type=RehearseWish)
    try:
        output: msgspec.Struct = rehearse(Path(snapshots), detector, float(learning_days), wish, _say_share)
        code = 0
    except KilowatchError as error:
        output, code = JobFailure(error=str(error), hint=error.hint), _REFUSED
    # Without an end of line, by which it is told from what came before it.
    sys.stdout.buffer.write(msgspec.json.encode(output))
    return code


def _say_share(share: float) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(JobProgress(share=round(share, 2))) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
