"""Writes the snapshots from which the detectors of a run begin: every window full, every meter learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.app.detector_service import KafkaStateLog
from kilowatch.app.snapshots import Snapshots
from kilowatch.lab.bench.pipeline.seasoned import experienced, seasoned
from kilowatch.links.kafka.settings import Access

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.lab.bench.pipeline.meters import Meters


@dataclass(frozen=True, slots=True)
class Preloaded:
    """What was written, in bytes."""

    size: int


def preload(
    bootstrap: str, group: str, meters: Meters, detector: str, say: Callable[[str], None], offsets: dict[int, int]
) -> Preloaded:
    """Write a whole snapshot of every partition; offsets: where reading goes on in each."""
    log, size = KafkaStateLog(Access(bootstrap)), 0
    snapshots, template = Snapshots(log, group, "preload"), experienced(detector)
    for partition, numbers in enumerate(meters.by_partition):
        say(f"snapshot of partition {partition}")
        packed = seasoned(template, numbers, detector).save()
        draft = snapshots.write(partition, offsets.get(partition, 0), packed)
        # The product sends it in the transaction of its offset; here no detector runs yet that could read half.
        log.write(partition, draft.key, draft.value)
        log.wait()
        size += len(packed)
    return Preloaded(size)
