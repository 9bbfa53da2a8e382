"""What runs inside the cluster, in pods of our image: senders of readings, simulated plugs, and who counts in the end.

`python inside.py introduce | send SECONDS | odd | plugs | told | count | offs`; each prints one object of JSON.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import os
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kilowatch.app.detector_service import KafkaRecords, subject_of
from kilowatch.app.kafka_access import access_of
from kilowatch.app.partition import PartitionJudge
from kilowatch.app.registry import Registry
from kilowatch.app.stores import database_settings
from kilowatch.config import load_config
from kilowatch.core.device import ActsBy, DeviceRecord, Kind, Stage
from kilowatch.core.events import ActionEvent, EventKind, IncidentEvent, ReadingColumns
from kilowatch.core.records import DeviceEdit
from kilowatch.links.database import Database
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.topics import Topic
from kilowatch.sim.plugs.host import PlugHost
from kilowatch.sim.plugs.shelly2 import Shelly2Plug

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.sim.plugs.outlet import Outlet

HOUSES = [f"house{number}" for number in range(6)]
HOMES = [f"home{number}" for number in range(int(os.environ.get("HOMES", "4")))]
FIRST_PORT = 8081
BATCH = 20
GRID_MS = 30_000
HUNDRED_DAYS_MS = 100 * 86_400_000
STOP = Path("/tmp/stop")  # noqa: S108 - of the pod alone
CONFIG = load_config(Path("/etc/kilowatch/kilowatch.toml")).config
ACCESS = access_of(CONFIG.kafka)
PARTITIONS = CONFIG.kafka.partitions


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def introduce(plug_host: str) -> dict[str, Any]:
    """Make the meters known, and in each home a heater behind a plug that the cloud may switch."""
    database = Database(database_settings(CONFIG))
    meters = [
        DeviceRecord(site=site, device="meter", kind=Kind.METER, interval_s=30.0, protected=False) for site in HOUSES
    ]
    heaters = [
        DeviceRecord(
            site=site, device="heater", kind=Kind.HEATER, interval_s=30.0, protected=False, acts_by=ActsBy.CLOUD,
            plug=f"shelly2://{plug_host}:{FIRST_PORT + number}/0",
        )
        for number, site in enumerate(HOMES)
    ]  # fmt: skip
    registry = Registry(database)
    registry.discover([*meters, *heaters], now_ms())
    for site in HOMES:
        registry.edit(site, "heater", DeviceEdit(protected=False, stage=Stage.ARMED), "test", now_ms())
    database.close()
    return {"devices": len(meters) + len(heaters)}


def course(site: str, start_ms: int) -> Iterator[ReadingColumns]:
    """A meter at 30 s without end, numbered; every 20 h it jumps up and down for one."""
    rng = np.random.default_rng(sum(site.encode()))
    for first in itertools.count(0, BATCH):
        seq = np.arange(first, first + BATCH)
        hour = seq / 120
        power_w = np.round(500 + 300 * np.sin(hour * np.pi / 12) + rng.normal(0, 15, BATCH), 1)
        power_w[(hour > 26) & (hour % 20 < 1) & (seq % 2 == 0)] = 9000.0
        yield columns(site, "meter", start_ms + seq * GRID_MS, power_w, seq)


def columns(site: str, device: str, ts_ms: Any, power_w: Any, seq: Any) -> ReadingColumns:
    return ReadingColumns(
        v=1, site=site, device=[device] * len(seq), ts_ms=ts_ms.tolist(), power_w=power_w.tolist(), seq=seq.tolist()
    )


def pushed(message: ReadingColumns) -> float:
    """Push a message until it is accepted; return how long that took, s."""
    body, started = msgspec.json.encode(message), time.monotonic()
    headers = {"Authorization": f"Bearer {os.environ['KILOWATCH_SOURCES__PUSH__TOKEN']}"}
    while True:
        connection = http.client.HTTPConnection(os.environ["PUSH"], 8090, timeout=40)
        try:
            connection.request("POST", "/v1/readings", body, headers)
            if connection.getresponse().status == http.client.NO_CONTENT:
                return time.monotonic() - started
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.1)


def send(pause_s: float) -> dict[str, Any]:
    """Let readings of every house flow until told to stop; say how many of each were accepted."""
    start_ms = now_ms() - HUNDRED_DAYS_MS
    accepted = dict.fromkeys(HOUSES, 0)
    waits: list[float] = []

    def work(site: str) -> None:
        for message in course(site, start_ms):
            waits.append(pushed(message))
            accepted[site] += len(message.ts_ms)
            Path(f"/tmp/accepted-{site}").write_text(str(accepted[site]))  # noqa: S108 - of the pod alone
            if STOP.exists():
                return
            time.sleep(pause_s)

    STOP.unlink(missing_ok=True)
    threads = [threading.Thread(target=work, args=(site,)) for site in HOUSES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"accepted": accepted, "longest_wait_s": round(max(waits), 1)}


def odd(homes: list[str]) -> dict[str, Any]:
    """Give heaters a day and a quarter of habit, and then minutes that are current and odd."""
    for site in homes:
        seq = np.arange(30 * 120)
        ts_ms = now_ms() - (len(seq) - 1 - seq) * GRID_MS
        power_w = np.round(100 + np.random.default_rng(len(site)).normal(0, 3, len(seq)), 1)
        power_w[-3::2] = 2600.0
        for cut in np.array_split(seq, 4):
            pushed(columns(site, "heater", ts_ms[cut], power_w[cut], cut))
    return {"homes": len(homes)}


class Steady:
    """Stands for an outlet behind which a heater draws what it draws."""

    device = "heater"
    fault = None
    is_on = True

    class clock:  # noqa: N801 - only its one method is asked
        now_ms = staticmethod(now_ms)

    def switch(self, *, on: bool) -> bool:
        was_on, self.is_on = self.is_on, on
        return was_on

    def power_w(self) -> float:
        return 2600.0 if self.is_on else 0.0

    def energy_wh(self) -> float:
        return 1000.0

    def energy_at(self, times_ms: list[int]) -> list[float]:
        return [1000.0] * len(times_ms)

    def voltage_v(self) -> float:
        return 230.0


class Loud(Shelly2Plug):
    """Says whenever it is switched."""

    def switch(self, *, on: bool) -> bool:
        sys.stdout.write(json.dumps({"plug": self.port - FIRST_PORT, "on": on}) + "\n")
        sys.stdout.flush()
        return super().switch(on=on)


class OpenHost(PlugHost):
    """Lets the whole cluster in."""

    async def _listen(self, plug: Any) -> asyncio.Server:
        wanted = asyncio.start_server

        async def everywhere(connected: Any, _: str, port: int, **options: Any) -> asyncio.Server:
            return await wanted(connected, "0.0.0.0", port, **options)  # noqa: S104 - a pod of a test

        asyncio.start_server = everywhere  # type: ignore[assignment]
        try:
            return await super()._listen(plug)
        finally:
            asyncio.start_server = wanted


def plugs() -> None:
    """Be the plugs of all homes until killed."""
    made = []
    for number in range(len(HOMES)):
        outlet: Outlet = Steady()  # type: ignore[assignment]
        plug = Loud(outlet)
        plug.port = FIRST_PORT + number
        made.append(plug)
    with OpenHost(made):
        threading.Event().wait()


def entries(topic: Topic, partition: int) -> tuple[list[int], list[bytes]]:
    with closing(CompactedReader(ACCESS)) as reader:
        found = [(entry.offset, entry.value or b"") for entry in reader.entries(topic, partition)]
    return [offset for offset, _ in found], [value for _, value in found]


def told() -> list[IncidentEvent]:
    values = [value for partition in range(PARTITIONS) for value in entries(Topic.ANOMALIES, partition)[1]]
    return sorted((msgspec.json.decode(value, type=IncidentEvent) for value in values), key=_by_version)


def _by_version(event: IncidentEvent) -> tuple[str, int]:
    return event.id, event.version


def count() -> dict[str, Any]:
    """Compare what the services told with what one process says that reads all partitions without a break."""
    numbers: dict[str, list[int]] = {site: [] for site in HOUSES}
    expected: list[IncidentEvent] = []
    kept = 0
    for partition in range(PARTITIONS):
        offsets, values = entries(Topic.DEVICES, partition)
        for value in values:
            if b'"control"' not in value:
                message = msgspec.json.decode(value, type=ReadingColumns)
                if message.site in numbers:
                    numbers[message.site] += [one for one in message.seq or [] if one is not None]
        judge = PartitionJudge(subject_of(CONFIG.detector), KafkaRecords(ACCESS, PARTITIONS), 0, 0)
        judge.take(offsets, values)
        expected += judge.events
        kept += judge.counts.kept
    expected.sort(key=_by_version)
    said = told()
    return {
        "found": {site: len(set(seen)) for site, seen in numbers.items()},
        "sent_again": sum(len(seen) - len(set(seen)) for seen in numbers.values()),
        "kept": kept,
        "incidents": len({event.id for event in said}),
        "opened": sorted({event.site for event in said if event.kind is EventKind.OPENED}),
        "events": len(said),
        "events_expected": len(expected),
        "events_lost": len({_by_version(one) for one in expected} - {_by_version(one) for one in said}),
        "events_doubled": len(said) - len({_by_version(one) for one in said}),
        "events_other": sum(one not in said for one in expected),
    }


def books() -> dict[str, Any]:
    """Say what the database and the action topic hold."""
    database = Database(database_settings(CONFIG))
    with database.read() as transaction:
        incidents = transaction.incidents.between(0, 2**60, limit=1_000_000)
    database.close()
    newest: dict[str, int] = {}
    for event in told():
        newest[event.id] = max(event.version, newest.get(event.id, 0))
    actions = [msgspec.json.decode(one, type=ActionEvent) for one in entries(Topic.ACTIONS, 0)[1]]
    return {
        "incidents": len(incidents),
        "as_told": {known.event.id: known.event.version for known in incidents} == newest,
        "actions": [[action.site, str(action.state)] for action in actions],
        "heaters": [
            [known.event.site, str(known.event.severity), known.event.historical, known.event.sentence]
            for known in incidents
            if known.event.device == "heater"
        ],
    }


def accepted() -> dict[str, Any]:
    """Say how many readings of each house were accepted so far."""
    found = {site: Path(f"/tmp/accepted-{site}") for site in HOUSES}  # noqa: S108 - of the pod alone
    return {site: int(path.read_text() or 0) if path.exists() else 0 for site, path in found.items()}


def main(words: list[str]) -> Any:
    """Do what is asked."""
    name, rest = words[0], words[1:]
    if name == "introduce":
        return introduce(rest[0])
    if name == "send":
        return send(float(rest[0]))
    if name == "odd":
        return odd(rest)
    return {"plugs": plugs, "count": count, "books": books, "accepted": accepted}[name]()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1:])) + "\n")
