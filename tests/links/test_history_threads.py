"""History on the edge while it is written: who looks sees all that was there before, whatever day is being closed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from kilowatch.core.history import DAY_MS, FIVE_MINUTES_MS
from kilowatch.links.history import EdgeHistory
from links.test_history import START_MS, rows_of

if TYPE_CHECKING:
    from pathlib import Path

_DAYS, _A_DAY, _LOOKERS = 8, 288, 3


def test_nothing_is_missed_and_nothing_counts_twice_while_days_are_closed(tmp_path: Path) -> None:
    history, written = EdgeHistory(tmp_path), [0]
    wrong: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            before = written[0]
            series = history.query("home", "tv", START_MS, START_MS + _DAYS * DAY_MS, 100)
            seen, after = int(series.buckets.samples.sum()), written[0]
            if not before <= seen <= after + _A_DAY // 8:
                wrong.append(f"{seen} samples, of {before} to {after}")
                return

    lookers = [threading.Thread(target=look) for _ in range(_LOOKERS)]
    for looker in lookers:
        looker.start()
    part = _A_DAY // 8
    for number in range(_DAYS * 8):
        start_ms = START_MS + number * part * FIVE_MINUTES_MS
        history.append(rows_of(part, start_ms=start_ms, step_ms=FIVE_MINUTES_MS))
        written[0] += part
    over.set()
    for looker in lookers:
        looker.join(60)
    history.close()
    assert wrong == []
    assert len(list((tmp_path / "five_minutes").glob("*.parquet"))) >= _DAYS - 3, "days were to be closed meanwhile"
