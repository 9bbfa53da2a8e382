"""What the demo notes of the audit: each decision once, however long it plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.core.events import Want
from kilowatch.core.records import AuditEntry
from kilowatch.demo.live import Decisions
from kilowatch.links.database import Database, DatabaseSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_every_decision_is_noted_once_after_hundreds_of_them_too(tmp_path: Path) -> None:
    database = Database(DatabaseSettings(f"sqlite:///{tmp_path / 'kilowatch.db'}", survives_power_cut=False))
    database.upgrade()
    decisions, noted = Decisions(database), []
    for turn in range(30):
        with database.begin() as books:
            for number in range(20):
                what = "edit" if number % 2 else Want.NONE
                why = f"{turn}/{number}"
                books.audit.add(AuditEntry(ts_ms=turn, what=what, who="demo", why=why, site="home", device="kettle"))
        noted += [entry.why for entry in decisions.fresh()]
        assert decisions.fresh() == []
    database.close()
    assert noted == [f"{turn}/{number}" for turn in range(30) for number in range(0, 20, 2)]
