"""`kilowatch serve metrics` on a real broker, killed with -9 while it reads: a day's energy equals the register."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import numpy as np
import pytest
from supervisor.places import free_port

from app.metrics.streams import START_MS
from kilowatch.app.ingest import encode_reading
from kilowatch.core.events import WIRE_V, Reading, Tick
from kilowatch.core.usage import Quantity, StoredDay
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.kafka.writer import Writer
from kilowatch.links.usage_store import UsageStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kilowatch.links.kafka.settings import Access

import msgspec

pytestmark = pytest.mark.kafka
SITES = [f"house{number}" for number in range(8)]
DAYS, EVERY_S = 4, 120
FIRST_DAY = START_MS // 86_400_000
DEADLINE_S = 60.0
SERVE = "from kilowatch.cli.serve import app; app()"


class Process:
    """The service in a process of its own, and its database."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.database = DatabaseSettings(f"sqlite:///{folder / 'kilowatch.db'}")
        made = Database(self.database)
        made.upgrade()
        made.close()
        (folder / "token").write_text("secret")
        self.config = folder / "kilowatch.toml"
        self.config.write_text(
            f'[kafka]\nbootstrap = "{bootstrap}"\npartitions = 4\n[data]\nfolder = "{folder}"\n'
            f'[metrics]\nport = {self.port}\ntoken_file = "{folder / "token"}"\n'
        )
        self.run: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-c", SERVE, "metrics", "--config", str(self.config), "--save-s", "0.2"]
        with (self.folder / "metrics.log").open("ab") as log:
            self.run = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def kill(self) -> None:
        assert self.run is not None
        self.run.kill()
        self.run.wait()

    def scrape(self) -> dict[str, float]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics")
        request.add_header("Authorization", "Bearer secret")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def waits_for(self, name: str, value: float) -> dict[str, float]:
        end = time.monotonic() + DEADLINE_S
        seen: dict[str, float] = {}
        while time.monotonic() < end and self.run is not None and self.run.poll() is None:
            seen = self.scrape()
            if any(found >= value for metric, found in seen.items() if metric.startswith(name)):
                return seen
            time.sleep(0.2)
        pytest.fail(f"{name} stayed at {seen.get(name)}: {(self.folder / 'metrics.log').read_text()[-2000:]}")


@pytest.fixture
def process(kafka_topics: Access, tmp_path: Path) -> Iterator[Process]:
    made = Process(kafka_topics.bootstrap, tmp_path)
    yield made
    if made.run is not None and made.run.poll() is None:
        made.run.terminate()
        assert made.run.wait(20) == 0, (tmp_path / "metrics.log").read_text()


def feed(access: Access) -> int:
    """Write days of readings whose power is a tenth too low and whose registers are right; return how many."""
    writer = Writer(access)
    seconds = range(0, DAYS * 86_400 + 1, EVERY_S)
    for second in seconds:
        for number, site in enumerate(SITES):
            power_w = 100.0 * (number + 1)
            message = Reading(
                v=WIRE_V,
                site=site,
                device="plug",
                ts_ms=START_MS + second * 1000,
                power_w=0.9 * power_w,
                energy_wh=round(500.0 + second * power_w / 3600, 3),
            )
            writer.send(Topic.DEVICES, site, encode_reading(message))
    for partition in range(4):
        tick = Tick(v=WIRE_V, received_ms=START_MS + (DAYS + 3) * 86_400_000)
        writer.send(Topic.DEVICES, None, msgspec.json.encode(tick), partition=partition)
    assert writer.flush(60) == 0
    return len(seconds) * len(SITES)


def test_killed_while_it_reads_it_counts_everything_once(kafka_topics: Access, process: Process) -> None:
    count = feed(kafka_topics)
    process.start()
    process.waits_for('kilowatch_readings_total{outcome="accepted"}', 1)
    for pause_s in (0.15, 0.4, 0.1):
        process.kill()
        process.start()
        process.waits_for("kilowatch_checkpoint_timestamp_seconds", 0)
        time.sleep(pause_s)
    seen = process.waits_for('kilowatch_readings_total{outcome="accepted"}', count)
    assert seen['kilowatch_readings_total{outcome="accepted"}'] == count
    assert seen['kilowatch_readings_total{outcome="rejected"}'] == 0
    used_j = sum(100.0 * (number + 1) for number in range(len(SITES))) * DAYS * 86_400
    assert seen['kilowatch_energy_joules_total{kind="unknown"}'] == pytest.approx(used_j, rel=1e-5)
    store = UsageStore(Database(process.database))
    stored: dict[str, list[StoredDay]] = {}
    end = time.monotonic() + 20
    while time.monotonic() < end and len(stored) < len(SITES):
        found = {site: store.days(site, "plug", FIRST_DAY, FIRST_DAY + DAYS) for site in SITES}
        stored = {site: days for site, days in found.items() if len(days) == DAYS}
        time.sleep(0.3)
    for number, site in enumerate(SITES):
        energy_wh = [day.values[Quantity.REGISTER_UJ] / 3.6e9 for day in stored[site]]
        np.testing.assert_allclose(energy_wh, 2400.0 * (number + 1), rtol=1e-3)
        assert {day.values[Quantity.ACCEPTED] for day in stored[site]} == {86_400 // EVERY_S}


def test_without_the_token_nothing_is_told(process: Process) -> None:
    process.start()
    process.waits_for("kilowatch_watched_device_seconds_total", 0)
    with pytest.raises(OSError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{process.port}/metrics", timeout=5)
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/healthz", timeout=5) as answer:
        assert answer.status == 200
