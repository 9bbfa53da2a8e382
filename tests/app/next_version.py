"""A detector service of the next version, as a program: its formats are one higher, its incidents say one thing more.

It reads state of the format before, as every version does, and readings of ours, which lack its new fields.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from kilowatch.app import packing, partition, snapshots
from kilowatch.app.models.switch import stamped as ours
from kilowatch.core import state
from kilowatch.core.events import IncidentEvent

if TYPE_CHECKING:
    from kilowatch.app.pipeline import Pipeline


class RoomEvent(IncidentEvent, frozen=True, kw_only=True, omit_defaults=True):
    """An incident event as the next version has it."""

    room: str


def upgrade() -> None:
    """Make of this process one of the next version."""
    for module, name in ((state, "STATE_V"), (packing, "STATE_V"), (snapshots, "SNAPSHOT_V")):
        setattr(module, name, getattr(module, name) + 1)

    def stamped(event: IncidentEvent, pipeline: Pipeline) -> IncidentEvent:
        return RoomEvent(**msgspec.structs.asdict(ours(event, pipeline)), room="kitchen")

    vars(partition)["stamped"] = stamped


if __name__ == "__main__":
    from kilowatch.cli.serve import app

    upgrade()
    sys.exit(app())
