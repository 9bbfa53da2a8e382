"""An edge process that is killed at a write of its actor: python doomed.py FOLDER WRITE before|after."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.actor.stage import HEATER, NOW_MS, ODD
from kilowatch.app.edge.build import EdgeSettings, Hand, build_edge
from kilowatch.app.edge.tell import TellLog
from kilowatch.app.plug_book import PlugBook
from kilowatch.app.stores import DataFolder
from kilowatch.config import Config
from kilowatch.core.device import ActsBy
from kilowatch.core.policy import PolicyRules
from kilowatch.detectors.registry import create
from kilowatch.links.database.action_book import DatabaseActionBook
from kilowatch.links.wall import WallClock

if TYPE_CHECKING:
    from kilowatch.app.edge.build import BuiltEdge
    from kilowatch.core.events import ActionEvent
    from kilowatch.core.records import AuditEntry

DEVICE = "router"
"""The plug's appliance that draws day and night; to the edge it is an armed heater."""


def built(folder: Path, plug: str | None = None) -> BuiltEdge:
    """Put an edge together that may switch; with a plug, an armed device and a current incident are there at once."""
    plugs = PlugBook(Config())
    settings = EdgeSettings(policy=PolicyRules(side=ActsBy.EDGE, dry_run=False))
    edge = build_edge(
        DataFolder(folder), create("fleet"), lambda: NOW_MS, settings, Hand(plugs, TellLog(), WallClock())
    )
    if plug is not None:
        record = msgspec.structs.replace(HEATER, device=DEVICE, plug=plug)
        edge.parts.registry.meet([record], NOW_MS)
        edge.parts.registry.project([msgspec.structs.replace(ODD, device=DEVICE)])
    for record in edge.parts.registry.records():
        edge.parts.subject.pipeline.revise(record)
    return edge


def dying(write: int, moment: str) -> None:
    """Let the process be killed just before or just after one of the actor's writes."""
    original, count = DatabaseActionBook.write, [0]

    def doomed(book: DatabaseActionBook, action: ActionEvent | None, entry: AuditEntry | None) -> bool:
        count[0] += 1
        if count[0] == write and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        written = original(book, action, entry)
        if count[0] == write:
            os.kill(os.getpid(), signal.SIGKILL)
        return written

    setattr(DatabaseActionBook, "write", doomed)  # noqa: B010 - a method that dies on purpose


def main() -> None:
    folder, write, moment = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if write:
        dying(write, moment)
    edge = built(folder)
    edge.edge.open()
    if edge.parts.actor is not None:
        edge.parts.actor.wait(30.0)
    edge.close()


if __name__ == "__main__":
    main()
