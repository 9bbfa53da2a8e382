"""A metric processor on a file of messages and a database, to be killed at any moment: FILE DATABASE PACE_S."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from app.metrics.streams import READINGS, Batch, People
from kilowatch.app.metrics.checkpoint import DatabaseCheckpoint
from kilowatch.app.metrics.service import MetricService
from kilowatch.app.metrics.units import Readings
from kilowatch.core.tariff import Tariff
from kilowatch.links.database.database import Database
from kilowatch.links.database.engine import DatabaseSettings

MOST = 50


def service_of(database: str) -> MetricService:
    opened = Database(DatabaseSettings(f"sqlite:///{database}", survives_power_cut=False))
    opened.upgrade()
    return MetricService(
        checkpoint=DatabaseCheckpoint(opened),
        new_readings=lambda: Readings(Tariff.flat(0.3), People()),
        clock=time.monotonic,
        save_every_s=0.02,
    )


def run(messages: list[bytes], service: MetricService, pace_s: float) -> None:
    begin = service.assigned([READINGS]).get(READINGS, 0)
    print(begin, flush=True)  # noqa: T201 - the parent waits for it
    for at in range(begin, len(messages), MOST):
        values = messages[at : at + MOST]
        service.step(_Once(Batch(READINGS, values, list(range(at, at + len(values))))))
        time.sleep(pace_s)
    service.save()


class _Once:
    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def poll(self, most: int = 10_000, timeout_s: float = 0.05) -> list[Batch]:
        return [self._batch]


if __name__ == "__main__":
    run(Path(sys.argv[1]).read_bytes().splitlines(), service_of(sys.argv[2]), float(sys.argv[3]))
