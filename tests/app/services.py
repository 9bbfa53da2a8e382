"""Services of kilowatch as processes, and senders that push readings to them until each is answered."""

from __future__ import annotations

import http.client
import itertools
import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kilowatch.core.events import IncidentEvent, ReadingColumns
from kilowatch.errors import KilowatchError
from kilowatch.links.kafka.client import kafka as library
from kilowatch.links.kafka.client import patiently
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.place import Place, handle
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kilowatch.links.database import Database
    from kilowatch.links.kafka.settings import Access

DEADLINE_S = 120.0
PARTITIONS = 4
TOKEN = "not-a-secret"  # noqa: S105 - of an endpoint on loopback that lives for one test
SERVE = "from kilowatch.cli.serve import app; app()"


@dataclass
class Services:
    """Processes of one group on one cluster, by label: the service's name, and a number where there are several.

    programs: what Python runs for a label, where that is not `kilowatch serve`.
    """

    access: Access
    folder: Path
    group: str
    settings: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    options: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"detector": ("--snapshot-s", "2")})
    programs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    starts: Iterator[int] = field(default_factory=itertools.count)

    def start(self, label: str) -> None:
        name, config = label.split("-")[0], self.folder / "kilowatch.toml"
        kafka = f'[kafka]\nbootstrap = "{self.access.bootstrap}"\npartitions = {PARTITIONS}\ngroup = "{self.group}"\n'
        config.write_text(kafka + self.settings)
        program = self.programs.get(label, ("-c", SERVE))
        command = [sys.executable, *program, name, "-c", str(config), *self.options.get(name, ())]
        with (self.folder / f"{next(self.starts):03}-{label}.log").open("wb") as log:
            self.running[label] = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | self.environment
            )

    def kill(self, label: str) -> None:
        self.running[label].kill()
        self.running.pop(label).wait()

    def stop(self, label: str) -> int:
        """Ask a process to end and return its exit code."""
        self.running[label].terminate()
        return self.running.pop(label).wait(DEADLINE_S)

    def close(self) -> None:
        for label in list(self.running):
            self.kill(label)

    def said(self, label: str = "") -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob(f"*-{label}*.log")))

    def wait_until_read(self, share: float = 1.0, service: str = "detector") -> None:
        """Wait until the group has committed that share of what lies in `IoTDevices`."""
        places = [handle(Place(str(Topic.DEVICES), partition)) for partition in range(PARTITIONS)]
        options = {"bootstrap.servers": self.access.bootstrap, "group.id": f"{self.group}-{service}"}
        with closing(library().Consumer(options)) as consumer:
            # a partition's end may be the mark of a transaction, which nobody ever reads
            ends = [next_offset(self.access, partition) for partition in range(PARTITIONS)]
            deadline = time.monotonic() + DEADLINE_S
            # A broker that came back a moment ago may not know yet who answers for the group.
            asked = partial(patiently, "asking", lambda: consumer.committed(places))
            while sum(max(0, one.offset) for one in asked()) < share * sum(ends):
                assert time.monotonic() < deadline, f"{service}s have not come so far: {self.said()}"
                time.sleep(0.05)


def is_there(database: Database) -> bool:
    """Whether the registry has made its tables."""
    try:
        database.check()
    except KilowatchError:
        return False
    return True


def entries(access: Access, topic: Topic, partition: int) -> tuple[list[int], list[bytes]]:
    with closing(CompactedReader(access)) as reader:
        found = [(entry.offset, entry.value or b"") for entry in reader.entries(topic, partition)]
    return [offset for offset, _ in found], [value for _, value in found]


def next_offset(access: Access, partition: int) -> int:
    """The offset after the last message of a partition of `IoTDevices`."""
    offsets, _ = entries(access, Topic.DEVICES, partition)
    return offsets[-1] + 1 if offsets else 0


def told(access: Access) -> list[IncidentEvent]:
    """What stands in `IoTAnomalies`, by id and version."""
    values = [value for partition in range(PARTITIONS) for value in entries(access, Topic.ANOMALIES, partition)[1]]
    return sorted((msgspec.json.decode(value, type=IncidentEvent) for value in values), key=by_version)


def by_version(event: IncidentEvent) -> tuple[str, int]:
    return event.id, event.version


def course(site: str, start_ms: int, most: int = 20) -> Iterator[ReadingColumns]:
    """A meter at 30 s without end, numbered; every 20 h it jumps up and down for one, as no habit of it is."""
    rng = np.random.default_rng(sum(site.encode()))
    for first in itertools.count(0, most):
        seq = np.arange(first, first + most)
        hour = seq / 120
        power_w = 500 + 300 * np.sin(hour * np.pi / 12) + rng.normal(0, 15, most)
        yield ReadingColumns(
            v=1,
            site=site,
            device=["meter"] * most,
            ts_ms=(start_ms + seq * 30_000).tolist(),
            power_w=np.where((hour > 26) & (hour % 20 < 1) & (seq % 2 == 0), 9000.0, np.round(power_w, 1)).tolist(),
            seq=list(seq.tolist()),
        )


@dataclass
class Sender:
    """Pushes the course of one site, each message until it is answered with 204: then it counts as accepted."""

    site: str
    port: int
    start_ms: int
    pause_s: float = 0.02
    accepted: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End after the message that is on its way has been accepted."""
        self.is_over.set()
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive(), "a message was never accepted"

    def _work(self) -> None:
        for message in course(self.site, self.start_ms):
            body = msgspec.json.encode(message)
            while self._status(body) != http.client.NO_CONTENT:
                time.sleep(0.1)
            self.accepted += len(message.ts_ms)
            if self.is_over.wait(self.pause_s):
                return

    def _status(self, body: bytes) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            connection.request("POST", "/v1/readings", body, {"Authorization": f"Bearer {TOKEN}"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
