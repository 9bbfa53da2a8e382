"""Mosquitto, with a password, and with TLS on a second port."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.certificates import certificates
from supervisor.daemons import Daemon, Launch, bring_up, call
from supervisor.places import HOST, free_port, is_answering, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER = "kilowatch"
PASSWORD = "not-a-secret"  # noqa: S105 - of a broker on loopback that lives for one test


@dataclass(slots=True)
class Mosquitto:
    """A broker: its ports, the authority that its TLS port is signed by, and its process while it runs."""

    folder: Path
    port: int
    tls_port: int
    authority: Path
    bound: bool = True
    daemon: Daemon | None = None
    host: str = HOST
    user: str = USER
    password: str = PASSWORD

    def start(self) -> None:
        """Start it, or start it again with what it has kept."""
        command = [program("mosquitto", "mosquitto"), "-c", "mosquitto.conf"]
        launch = Launch("mosquitto", command, self.folder, bound=self.bound)
        self.daemon = bring_up(launch, lambda: is_answering(self.port) and is_answering(self.tls_port))

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self.daemon is not None:
            self.daemon.kill()

    def stop(self) -> None:
        """Let it save what it keeps for clients that are away, and end."""
        if self.daemon is not None:
            self.daemon.stop()


def up(folder: Path, port: int | None = None, *, bound: bool = True) -> Mosquitto:
    """Start a broker with its data in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    made = certificates(folder / "tls")
    broker = Mosquitto(folder, port or free_port(), free_port(), made.authority, bound)
    call([program("mosquitto_passwd", "mosquitto"), "-b", "-c", "passwords", USER, PASSWORD], folder)
    (folder / "data").mkdir(exist_ok=True)
    tls = [f"cafile {made.authority}", f"certfile {made.certificate}", f"keyfile {made.key}"]
    lines = [
        "allow_anonymous false",
        f"password_file {folder}/passwords",
        "persistence true",
        f"persistence_location {folder}/data/",
        f"listener {broker.port} {HOST}",
        f"listener {broker.tls_port} {HOST}",
        *tls,
        *(["user root"] if os.geteuid() == 0 else []),
    ]
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    broker.start()
    return broker


@contextmanager
def running(folder: Path) -> Iterator[Mosquitto]:
    """Give a broker that runs for as long as the block does."""
    broker = up(folder)
    try:
        yield broker
    finally:
        broker.stop()
