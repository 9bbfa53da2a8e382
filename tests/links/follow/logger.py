"""A logger that writes files, and somebody who follows them: a source, the gate behind it, and a restart."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from kilowatch.app.ingest.gate import Gate
from kilowatch.config.sections import SiteConfig
from kilowatch.config.sources import FilesConfig
from kilowatch.core.events import Rejected
from kilowatch.links.follow import FilesSource

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.core.device import DeviceRecord
    from kilowatch.links.source import SourceMessage

NOW_MS = 1_767_225_600_000
HOUR_MS = 3_600_000
SITE = SiteConfig(name="home", time_zone="Europe/Berlin")


class Following:
    """Follows `logs` in a folder, look by look. is_safe: whoever takes messages makes them safe at once."""

    def __init__(self, folder: Path, pattern: str = "logs", **said: Any) -> None:
        self.folder, self.pattern, self.said = folder, pattern, said
        self.logs = folder / "logs"
        self.logs.mkdir(exist_ok=True)
        self.messages: list[SourceMessage] = []
        self.devices: list[DeviceRecord] = []
        self.now_ms, self.most = NOW_MS, 10**9
        self.restart()

    def restart(self) -> None:
        """Begin as a new process does."""
        config = FilesConfig(path=str(self.folder / self.pattern), **self.said)
        self.source = FilesSource(
            "log", config, SITE, self.folder / "places" / "log.json", on_devices=self.meet, clock_ms=lambda: self.now_ms
        )

    def meet(self, records: list[DeviceRecord]) -> None:
        self.devices += records

    def put(self, message: SourceMessage) -> None:
        """Make a message safe, unless whoever does it has died: then the source is stopped, as its process is."""
        self.messages.append(message)
        if len(self.messages) > self.most:
            self.source._stopping.set()
            return
        message.ack()

    def look(self) -> list[SourceMessage]:
        """Return what a look brings."""
        before = len(self.messages)
        self.source.look(self.put)
        return self.messages[before:]

    def powers(self) -> list[float]:
        """Return the power of the readings that a look brings."""
        return [reading["power_w"] for reading in readings(self.look())]

    def refused(self) -> list[tuple[str | None, bytes]]:
        """Return what a look brings that the gate refuses: why, and the raw bytes."""
        outcomes = [Gate().judge(message) for message in self.look()]
        return [(one.why or one.reason.value, one.raw) for one in outcomes if isinstance(one, Rejected)]

    def write(self, name: str, data: bytes, *, age_ms: int = 0) -> Path:
        """Append to a file, written so long ago."""
        path = self.logs / name
        with path.open("ab") as file:
            file.write(data)
        self.touch(path, age_ms)
        return path

    def touch(self, path: Path, age_ms: int = 0) -> None:
        at_s = (self.now_ms - age_ms) / 1000
        os.utime(path, (at_s, at_s))


def readings(messages: list[SourceMessage]) -> list[dict[str, Any]]:
    return [json.loads(message.payload) for message in messages if message.reason is None]


def rows(first: int, count: int) -> bytes:
    """Return rows of a table: epoch seconds and watts, of which each says which row it is."""
    return b"".join(b"%d,%d.5\n" % (NOW_MS // 1000 + number, number) for number in range(first, first + count))


def watts(first: int, count: int) -> list[float]:
    return [number + 0.5 for number in range(first, first + count)]


HEAD = b"time,power_w\n"
