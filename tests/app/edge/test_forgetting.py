"""An edge whose device a person deletes: it is gone from its books and its judge, also where the log is read again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from app.edge.stage import StageClock, live, messages, opened
from app.homes import home
from kilowatch.app.stores import DataFolder

if TYPE_CHECKING:
    from pathlib import Path


def test_a_deleted_device_is_met_anew_and_never_under_another_name(tmp_path: Path) -> None:
    clock, said = StageClock(), messages(home(0.3))
    first = opened(tmp_path, clock)
    live(first, clock, said[:40])
    first.parts.registry.delete("home", "lamp", "anna", clock.ms)
    first.edge.turn()
    first.edge.turn()
    known = {record.device for record in first.parts.registry.records()}
    assert known == {"meter", "heater"}
    assert first.parts.subject.pipeline.fleet.slot("home", "lamp") is None
    live(first, clock, said[40:])
    wanted = {record.device for record in first.parts.registry.records()}
    assert wanted == {"meter", "heater", "lamp"}
    first.close()
    shutil.rmtree(DataFolder(tmp_path).snapshots, ignore_errors=True)
    again = opened(tmp_path, clock)
    assert {record.device for record in again.parts.registry.records()} == wanted
    again.close()
