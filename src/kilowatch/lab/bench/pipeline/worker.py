"""One detector process of the benchmark: the product's service on a fleet whose models were learnt elsewhere."""

from __future__ import annotations

import cProfile
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kilowatch.app.allocation import map_large_blocks
from kilowatch.app.detector import Detector
from kilowatch.app.detector_ports import Links, Tempo
from kilowatch.app.detector_service import KafkaRecords, KafkaStateLog
from kilowatch.app.onlooker import NoWatcher
from kilowatch.app.snapshots import Snapshots
from kilowatch.lab.bench.pipeline.seasoned import subject
from kilowatch.links.kafka.reader import Reader
from kilowatch.links.kafka.settings import QUICK, Access, Pace
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.kafka.transactions import TransactionalWriter

if TYPE_CHECKING:
    from kilowatch.app.partition import Counts
    from kilowatch.links.kafka.place import Place


class WorkerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector process of the benchmark is told. folder: where it writes its counts, and its profile."""

    bootstrap: str
    group: str
    name: str
    folder: str
    partitions: int
    detector: str = "fleet"
    snapshot_s: float = 120.0
    poll_s: float = 0.05
    poll_most_s: float = 0.1
    most: int = 30_000
    quick: bool = False
    profile: bool = False


class Tally(msgspec.Struct):
    """What a detector process has done so far, and how many partitions it holds; written once a second."""

    readings: int = 0
    refused: int = 0
    turns: int = 0
    batches: int = 0
    events: int = 0
    commits: int = 0
    judging_s: float = 0.0
    committing_s: float = 0.0
    saving_s: float = 0.0
    snapshots: int = 0
    snapshot_bytes: int = 0
    held: int = 0
    taking_over_s: float = 0.0
    at_s: float = 0.0


class Tallying(NoWatcher):
    """Counts what the service tells its watcher."""

    def __init__(self) -> None:
        self.tally = Tally()

    def judged(self, place: Place, counts: Counts, seconds: float, appended_ms: int) -> None:
        """Messages were judged."""
        del place, appended_ms
        self.tally.readings += counts.readings
        self.tally.refused += counts.refused
        self.tally.batches += 1
        self.tally.judging_s += seconds

    def committed(self, place: Place, events: int, seconds: float) -> None:
        """Events were told."""
        del place
        self.tally.events += events
        self.tally.commits += 1
        self.tally.committing_s += seconds

    def saved(self, place: Place, size: int, seconds: float) -> None:
        """A snapshot was written."""
        del place
        self.tally.snapshots += 1
        self.tally.snapshot_bytes += size
        self.tally.saving_s += seconds

    def taken_over(self, place: Place, seconds: float, behind: int) -> None:
        """A partition is ours."""
        del place, behind
        self.tally.taking_over_s += seconds


def links_of(plan: WorkerPlan) -> Links:
    """Return the product's links, with pipelines that learn nothing."""
    access, pace = Access(plan.bootstrap), QUICK if plan.quick else Pace()
    return Links(
        reader=partial(Reader, access, plan.group, [Topic.DEVICES], pace=pace),
        writer=partial(TransactionalWriter, access, plan.group),
        snapshots=Snapshots(KafkaStateLog(access), plan.group, plan.name),
        records=KafkaRecords(access, plan.partitions),
        subject=partial(subject, detector=plan.detector),
    )


def work(plan: WorkerPlan) -> None:
    """Judge until SIGTERM; then drop everything as it stands."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    watching, path = Tallying(), Path(plan.folder) / f"{plan.name}.json"
    tempo = Tempo(plan.most, plan.poll_s, plan.poll_most_s, snapshot_s=plan.snapshot_s)
    detector = Detector(links_of(plan), tempo, watching)
    told_s = 0.0

    def told() -> bool:
        nonlocal told_s
        watching.tally.turns += 1
        watching.tally.held = len(detector.places)
        if time.time() - told_s >= 1.0:
            told_s = watching.tally.at_s = time.time()
            fresh = path.with_suffix(".new")
            fresh.write_bytes(msgspec.json.encode(watching.tally))
            # Whole or not at all: the run reads it at any moment.
            fresh.replace(path)
        return False

    detector.run(told)


def main(argument: str) -> None:
    """Run a worker as a plan in JSON says."""
    plan = msgspec.json.decode(argument, type=WorkerPlan)
    map_large_blocks()
    if not plan.profile:
        work(plan)
        return
    profile = cProfile.Profile()
    # SIGTERM ends the work by `SystemExit`, and what was profiled is wanted all the same.
    try:
        profile.runcall(work, plan)
    finally:
        profile.dump_stats(Path(plan.folder) / f"{plan.name}.profile")


if __name__ == "__main__":
    main(sys.argv[1])
