"""How often a device speaks: found at the same reading however a stream is cut, and never from too little."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.device import DeviceRecord, Fleet, Reporting, first_seen
from kilowatch.core.pace import QUIET_HEARTBEAT_S, Pace, usual_s
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.state import freeze, thaw

START_MS = 1_767_571_200_000
HOUR_MS = 3_600_000


def batch(times_ms: list[int], slot: int = 0) -> ReadingBatch:
    ts_ms = np.array(times_ms, dtype=np.int64)
    return ReadingBatch(np.full(len(ts_ms), slot, dtype=np.int32), ts_ms, np.full(len(ts_ms), 50.0))


def pace(*records: DeviceRecord) -> tuple[Pace, Fleet]:
    fleet = Fleet(list(records) or [first_seen("home", "plug")])
    listener = Pace(fleet)
    listener.reserve()
    return listener, fleet


def hear(listener: Pace, fleet: Fleet, readings: ReadingBatch) -> tuple[list[int], list[DeviceRecord]]:
    """The lengths of the pieces, and the records that were found."""
    lengths, records = [], []
    for part, record in listener.parts(readings):
        lengths.append(len(part))
        if record is not None:
            listener.ask(fleet.update(record))
            records.append(record)
    return lengths, records


def every(seconds: float, count: int) -> list[int]:
    return [START_MS + round(1000 * seconds * number) for number in range(count)]


@pytest.mark.parametrize("seconds", [1.0, 10.0, 29.7, 300.0])
def test_who_speaks_steadily_is_known_after_dozens_of_readings_and_an_hour(seconds: float) -> None:
    listener, fleet = pace()
    lengths, records = hear(listener, fleet, batch(every(seconds, 8000)))
    assert [record.interval_s for record in records] == [usual_s(seconds)]
    assert records[0].reporting is Reporting.PERIODIC
    assert lengths[0] - 1 >= 24
    assert lengths[0] * seconds >= 3600
    assert sum(lengths) == 8000


def test_who_speaks_when_something_changes_may_be_silent_for_more_than_a_day() -> None:
    hours = [0, 0.2, 1, 5, 5.1, 5.5, 14, 14.2, 20, 24.5, 26]
    listener, fleet = pace()
    lengths, records = hear(listener, fleet, batch([START_MS + round(hour * HOUR_MS) for hour in hours]))
    assert lengths == [10, 1]
    assert records[0].reporting is Reporting.ON_CHANGE
    assert records[0].heartbeat_s == QUIET_HEARTBEAT_S


def test_too_little_tells_nothing() -> None:
    listener, fleet = pace()
    assert hear(listener, fleet, batch(every(10, 300))) == ([300], [])
    listener, fleet = pace()
    assert hear(listener, fleet, batch(every(600, 24))) == ([24], [])


def test_who_is_known_is_not_listened_to() -> None:
    listener, fleet = pace(first_seen("home", "meter", interval_s=30.0))
    assert hear(listener, fleet, batch(every(300, 900))) == ([900], [])


def test_a_clock_that_is_set_begins_anew() -> None:
    times = [1000, 2000, *every(10, 500)]
    listener, fleet = pace()
    _, records = hear(listener, fleet, batch(times))
    assert [record.interval_s for record in records] == [10.0]


def test_twins_and_steps_back_are_no_gaps() -> None:
    times = [time for time in every(30, 200) for _ in range(2)]
    listener, fleet = pace()
    _, records = hear(listener, fleet, batch(times))
    assert [record.interval_s for record in records] == [30.0]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 4000), min_size=30, max_size=120), st.sets(st.integers(1, 119), max_size=5))
def test_any_cut_finds_the_same_at_the_same_reading(gaps_s: list[int], cuts: set[int]) -> None:
    times = (START_MS + 1000 * np.cumsum(gaps_s)).tolist()
    whole, fleet = pace()
    lengths, records = hear(whole, fleet, batch(times))
    listener, fleet = pace()
    done, found = 0, []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(times)], strict=True):
        pieces, new = hear(listener, fleet, batch(times[start:end]))
        found += [(done + pieces[0], record) for record in new]
        done += sum(pieces)
    assert found == [(lengths[0], record) for record in records]


def test_who_is_stopped_in_the_middle_goes_on_listening() -> None:
    readings = batch(every(30.0, 400))
    whole, fleet = pace()
    wanted = hear(whole, fleet, readings)[1]
    first, before = pace()
    assert hear(first, before, readings.take(slice(0, 50)))[1] == []
    second, after = pace()
    assert thaw(second, freeze(first)) == []
    assert hear(second, after, readings.take(slice(50, None)))[1] == wanted
    assert len(wanted) == 1
