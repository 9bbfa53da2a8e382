"""kill -9 of a metric processor that keeps its state in SQLite: nothing is lost, nothing counts twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from app.metrics.doomed import run, service_of
from app.metrics.streams import READINGS, MemoryCheckpoint, all_days, reading
from kilowatch.core.usage import Quantity
from kilowatch.links.database.database import Database
from kilowatch.links.database.engine import DatabaseSettings
from kilowatch.links.usage_store import UsageStore

DAYS = 5
TESTS = Path(__file__).resolve().parents[2]


def messages() -> list[bytes]:
    """Return five days of a plug whose power is a tenth too low and whose register is right."""
    seconds = range(0, DAYS * 86_400 + 1, 120)
    return [
        msgspec.json.encode(reading(second, 90.0, energy_wh=round(1000 + second * 100 / 3600, 3))) for second in seconds
    ]


def killed_after(seconds: float, file: Path, database: Path) -> int:
    """Run the processor, kill it, and return the offset that it began at."""
    environment = os.environ | {"PYTHONPATH": str(TESTS), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "app.metrics.doomed", str(file), str(database), "0.01"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        began = int(process.stdout.readline())
        time.sleep(seconds)
        process.kill()
    return began


def test_after_kill_9_a_days_energy_is_the_registers(tmp_path: Path) -> None:
    file, database = tmp_path / "messages", tmp_path / "metrics.db"
    file.write_bytes(b"\n".join(messages()))
    rng = random.Random(7)  # noqa: S311 - no secret
    began = [killed_after(rng.uniform(0.05, 0.3), file, database) for _ in range(4)]
    assert began == sorted(began)
    assert 0 < began[-1] < len(messages())
    service = service_of(str(database))
    run(messages(), service, 0.0)
    store = UsageStore(Database(DatabaseSettings(f"sqlite:///{database}")))
    stored = MemoryCheckpoint(days=store.days("home", "fridge", 0, 40_000))
    days = all_days(service, stored)
    assert len(stored.days) == DAYS - 1, "the last two days are in the making"
    np.testing.assert_allclose(days.energy_uj[:DAYS] / 3.6e9, 2400, rtol=1e-3)
    np.testing.assert_array_equal(days.of(Quantity.ACCEPTED)[:DAYS], 720)
    assert service.assigned([READINGS])[READINGS] == len(messages())
