"""Days closed in a process of their own: the same files, whole or untouched, and no Arrow in the process that asks."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.history import DAY_MS, FIVE_MINUTES_MS, Retention
from kilowatch.links.history import EdgeHistory
from kilowatch.links.history.closing import main
from links.test_history import START_MS, assert_same, rows_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

RETENTION = Retention(lead_s=600)
_ALONE = """
import sys
from pathlib import Path
import numpy as np
from kilowatch.core.history import DAY_MS, HistoryRows
from kilowatch.links.history import EdgeHistory
history = EdgeHistory(Path(sys.argv[1]), apart=True)
for day in range(4):
    ts_ms = 1_767_571_200_000 + day * DAY_MS + 300_000 * np.arange(200)
    column = np.ones(200, dtype=np.float32)
    device = np.zeros(200, dtype=np.int32)
    history.append(HistoryRows((("home", "tv"),), device, ts_ms, column, column, column, column, column > 0))
history.close()
print("pyarrow" in sys.modules, len(list(Path(sys.argv[1]).rglob("*.parquet"))))
"""


def lived(folder: Path, *, apart: bool, days: int = 4) -> EdgeHistory:
    history = EdgeHistory(folder, RETENTION, apart=apart)
    for day in range(days):
        history.append(rows_of(288, start_ms=START_MS + day * DAY_MS, keep=(100,), step_ms=FIVE_MINUTES_MS))
    return history


def test_it_answers_as_if_the_days_were_closed_here(tmp_path: Path) -> None:
    here, apart = lived(tmp_path / "here", apart=False), lived(tmp_path / "apart", apart=True)
    for points in (10, 5000):
        for device in ("tv", "fridge"):
            asked = "home", device, START_MS, START_MS + 5 * DAY_MS, points
            assert_same(here.query(*asked).buckets, apart.query(*asked).buckets)
    names = [sorted(path.relative_to(folder) for path in folder.rglob("*.*")) for folder in tmp_path.iterdir()]
    assert names[0] == names[1]
    assert sum(path.suffix == ".parquet" for path in names[0]) >= 4


def test_who_cannot_start_another_process_closes_the_day_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    history = lived(tmp_path / "home", apart=True)
    assert "is closed here" in caplog.text
    assert history.query("home", "tv", START_MS, START_MS + 5 * DAY_MS, 10).buckets.samples.sum() == 4 * 288
    assert list((tmp_path / "home" / "single").glob("*.parquet"))


def test_what_was_prepared_for_a_dead_owner_changes_nothing_and_is_cleared_away(tmp_path: Path) -> None:
    history = lived(tmp_path, apart=False, days=2)
    (journal,) = sorted(tmp_path.glob("*.journal"))[:1]
    day, generation, _ = journal.name.split(".")
    before = history.query("home", "tv", START_MS, START_MS + 5 * DAY_MS, 1000).buckets
    main(str(tmp_path), day, generation, "600", f"{day}.1")
    assert len(list(tmp_path.rglob("*.new"))) == 2
    assert not list(tmp_path.rglob(f"{day}.parquet"))
    history.close()
    again = EdgeHistory(tmp_path, RETENTION)
    assert not list(tmp_path.rglob("*.new"))
    assert_same(before, again.query("home", "tv", START_MS, START_MS + 5 * DAY_MS, 1000).buckets)


def test_a_journal_that_is_in_its_file_already_is_not_taken_in_twice(tmp_path: Path) -> None:
    history = lived(tmp_path, apart=False, days=2)
    (journal,) = sorted(tmp_path.glob("*.journal"))[:1]
    day, generation, _ = journal.name.split(".")
    for mark in ("1", "2"):
        main(str(tmp_path), day, generation, "600", mark)
        for level in (history._rolled, history._single):
            level.adopt(day, mark)
    rows = history._rolled.whole(day)
    assert rows.values[0].sum() == 2 * np.sum(history._store._open[day].rows().device == 0)
    assert not list(tmp_path.rglob("*.new"))


def test_the_process_that_asks_loads_no_arrow(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, str(tmp_path / "home")],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    loaded, files = done.stdout.split()
    assert loaded == "False"
    assert int(files) >= 4
