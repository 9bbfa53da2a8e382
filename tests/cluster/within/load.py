"""Load inside the cluster: readings pushed without end, odd minutes on demand, and the count, asked for over HTTP.

`ask.py WORD ARGUMENT...` beside it asks the one process that runs here, so that each question costs no new start.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import threading
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from cluster.within.audit import Audit
from cluster.within.plugs import FIRST_PORT
from kilowatch.app.kafka_access import access_of
from kilowatch.app.registry import Registry
from kilowatch.app.stores import database_settings
from kilowatch.config import load_config
from kilowatch.core.device import ActsBy, DeviceRecord, Kind, Stage
from kilowatch.core.events import ActionEvent, ReadingColumns
from kilowatch.core.records import DeviceEdit
from kilowatch.links.database import Database
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.config import Config

HOUSES = [f"house{number}" for number in range(6)]
HOMES = [f"home{number}" for number in range(int(os.environ.get("HOMES", "4")))]
BATCH = 20
GRID_MS = 30_000
HUNDRED_DAYS_MS = 100 * 86_400_000
PORT = 9000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


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


@dataclass(slots=True)
class Load:
    """What is asked of this pod, one method a word. pause_s: between two messages of a house."""

    config: Config
    audit: Audit
    pause_s: float = 0.3
    accepted: dict[str, int] = field(default_factory=dict)
    longest_wait_s: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)
    checking: threading.Lock = field(default_factory=threading.Lock)

    def introduce(self, plug_host: str) -> dict[str, Any]:
        """Make the meters known, and in each home a heater behind a plug that the cloud may switch."""
        meters = [
            DeviceRecord(site=site, device="meter", kind=Kind.METER, interval_s=30.0, protected=False)
            for site in HOUSES
        ]
        heaters = [
            DeviceRecord(
                site=site, device="heater", kind=Kind.HEATER, interval_s=30.0, protected=False, acts_by=ActsBy.CLOUD,
                plug=f"shelly2://{plug_host}:{FIRST_PORT + number}/0",
            )
            for number, site in enumerate(HOMES)
        ]  # fmt: skip
        database = Database(database_settings(self.config))
        registry = Registry(database)
        registry.discover([*meters, *heaters], now_ms())
        for site in HOMES:
            registry.edit(site, "heater", DeviceEdit(protected=False, stage=Stage.ARMED), "test", now_ms())
        database.close()
        return {"devices": len(meters) + len(heaters)}

    def begin(self) -> dict[str, Any]:
        """Let readings of every house flow until told to end."""
        start_ms = now_ms() - HUNDRED_DAYS_MS
        for site in () if self.threads else HOUSES:
            self.accepted[site] = 0
            self._start(lambda site=site: self._send(site, start_ms))  # type: ignore[misc]
        return {"houses": len(self.threads)}

    def pace(self, pause_s: str) -> dict[str, Any]:
        """Send faster or slower from now on."""
        self.pause_s = float(pause_s)
        return {"pause_s": self.pause_s}

    def seen(self) -> dict[str, Any]:
        """Say how many readings of each house were accepted so far."""
        return dict(self.accepted)

    def odd(self, *homes: str) -> dict[str, Any]:
        """Give heaters a day and a quarter of habit, and then minutes that are current and odd; do not wait for it."""
        for site in homes:
            threading.Thread(target=_odd, args=(site,), daemon=True).start()
        return {"homes": len(homes)}

    def check(self, most_s: str) -> dict[str, Any]:
        """Count: see `Audit.check`."""
        with self.checking:
            return self.audit.check(dict(self.accepted), float(most_s))

    def judged_by(self) -> list[str]:
        """Say which models the newest incidents of each partition name, read from where it was last asked."""
        with self.checking:
            return sorted(self.audit.judged_by())

    def end(self) -> dict[str, Any]:
        """Send no more."""
        self.stop.set()
        for thread in self.threads:
            thread.join()
        return {"accepted": sum(self.accepted.values()), "longest_wait_s": round(self.longest_wait_s, 1)}

    def books(self) -> dict[str, Any]:
        """Compare the database's incidents with what was told by now."""
        with self.checking:
            self.audit.check({}, 5.0)
        database = Database(database_settings(self.config))
        with database.read() as transaction:
            incidents = transaction.incidents.between(0, 2**60, limit=1_000_000)
        database.close()
        known = {one.event.id: one.event.version for one in incidents}
        return {"incidents": len(known), "as_told": known == self.audit.newest()}

    def actions(self) -> list[list[str]]:
        """Return what became of switching off, oldest first: home and state."""
        with closing(CompactedReader(access_of(self.config.kafka))) as reader:
            values = [entry.value or b"" for entry in reader.entries(Topic.ACTIONS, 0)]
        return [[one.site, str(one.state)] for one in (msgspec.json.decode(v, type=ActionEvent) for v in values)]

    def scrape(self, place: str, *names: str) -> dict[str, Any]:
        """Read series of a process of ours."""
        with urllib.request.urlopen(f"http://{place}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        found = {name: [line for line in lines if line.startswith(name)] for name in names}
        return {name: sum(float(line.rsplit(" ", 1)[1]) for line in rows) for name, rows in found.items() if rows}

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _send(self, site: str, start_ms: int) -> None:
        for message in course(site, start_ms):
            if self.stop.is_set():
                return
            self.longest_wait_s = max(self.longest_wait_s, pushed(message))
            self.accepted[site] += len(message.ts_ms)
            self.stop.wait(self.pause_s)


def _odd(site: str) -> None:
    seq = np.arange(30 * 120)
    ts_ms = now_ms() - (len(seq) - 1 - seq) * GRID_MS
    power_w = np.round(100 + np.random.default_rng(len(site)).normal(0, 3, len(seq)), 1)
    power_w[-3::2] = 2600.0
    for cut in np.array_split(seq, 4):
        pushed(columns(site, "heater", ts_ms[cut], power_w[cut], cut))


def serve(load: Load) -> None:
    """Answer questions of this pod alone: POST of a list, a word and its arguments."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            word, *arguments = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = http.HTTPStatus.OK
            try:
                said = getattr(load, word)(*arguments)
            except Exception as error:
                status, said = http.HTTPStatus.INTERNAL_SERVER_ERROR, repr(error)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    ThreadingHTTPServer(("127.0.0.1", PORT), Answer).serve_forever()


if __name__ == "__main__":
    config = load_config(Path("/etc/kilowatch/kilowatch.toml")).config
    serve(Load(config, Audit(config)))
