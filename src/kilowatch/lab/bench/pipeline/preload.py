"""Writes the snapshots from which the detectors of a run begin: every window full, every meter learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.app.detector_service import KafkaStateLog
from kilowatch.app.snapshots import Snapshots
from kilowatch.lab.bench.pipeline.seasoned import experienced, seasoned
from kilowatch.links.kafka.settings import Access

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.lab.bench.pipeline.meters import Meters


def preload(bootstrap: str, group: str, meters: Meters, detector: str, say: Callable[[str], None]) -> None:
    """Write a whole snapshot of every partition, from which reading goes on at its beginning."""
    log = KafkaStateLog(Access(bootstrap))
    snapshots, template = Snapshots(log, group, "preload"), experienced(detector)
    for partition, numbers in enumerate(meters.by_partition):
        say(f"snapshot of partition {partition}")
        draft = snapshots.write(partition, 0, seasoned(template, numbers, detector).save())
        # The product sends it in the transaction of its offset; here no detector runs yet that could read half.
        log.write(partition, draft.key, draft.value)
        log.wait()
