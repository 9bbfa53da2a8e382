"""What `up` has started, kept in files, so that a later `down` or `status` knows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.daemons import Daemon

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """One component: the variables by which programs find it, and its processes."""

    name: str
    addresses: dict[str, str]
    daemons: list[Daemon]

    @property
    def is_alive(self) -> bool:
        """Whether every process of it runs."""
        return bool(self.daemons) and all(daemon.is_alive for daemon in self.daemons)

    def save(self, folder: Path) -> None:
        """Keep it in a folder."""
        found = [{"name": one.name, "pid": one.pid, "began": one.began, "log": one.log} for one in self.daemons]
        kept = {"addresses": self.addresses, "processes": found}
        (folder / f"{self.name}.json").write_text(json.dumps(kept, indent=2) + "\n")

    def drop(self, folder: Path) -> None:
        """Stop its processes and forget it."""
        for daemon in reversed(self.daemons):
            daemon.stop()
        (folder / f"{self.name}.json").unlink(missing_ok=True)


def load(folder: Path, name: str) -> Record | None:
    """Return what is kept of a component, None where it was not started."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text())
    return Record(name, kept["addresses"], [Daemon(**process) for process in kept["processes"]])


def write_environment(folder: Path, records: list[Record]) -> None:
    """Write the addresses of all that runs as lines for a shell."""
    lines = [f"export {key}={value}\n" for record in records for key, value in record.addresses.items()]
    (folder / "env").write_text("".join(sorted(lines)))
