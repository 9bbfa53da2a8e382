"""Clocks that step back, summer time that begins, an outbox that drains: what becomes of it on the whole way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from app.handover import Run, cut
from app.homes import DAY_MS, HOUR_MS, START_MS, fleet, meter, with_power
from kilowatch.core.clean_reasons import Reason
from kilowatch.core.device import Fleet
from kilowatch.core.events import EventKind, IncidentEvent
from kilowatch.core.reading import ReadingBatch

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAYS = 3.5
FAULT_MS = START_MS + round(2.6 * DAY_MS)
STEP_MS = START_MS + round(2.3 * DAY_MS)
SPRING_MS, AUTUMN_MS = 1_774_745_999_999, 1_792_889_999_999
"""The last ms before Europe's summer time of 2026, when 02:00 is 03:00, and the last of it, when 03:00 is 02:00."""


def arriving(story: ReadingBatch, received_ms: NDArray[np.int64]) -> ReadingBatch:
    """A story with when each reading was received, in that order."""
    known = replace(story, received_ms=received_ms)
    return known.take(np.argsort(received_ms, kind="stable"))


def run(story: ReadingBatch, detector: str = "fleet", zone: str = "UTC") -> Run:
    records = [msgspec.structs.replace(record, time_zone=zone) for record in fleet().records[:1]]
    done = Run(detector, devices=Fleet(records))
    done.feed(cut(story, range(500, len(story), 500)))
    return done


def kept(done: Run) -> int:
    return sum(len(result.clean) for result in done.said)


def reasons(done: Run) -> Counter[Reason]:
    return Counter(Reason(reason) for result in done.said for reason in result.clean.rejected_reason.tolist())


def assert_scored_once(done: Run) -> None:
    rows = done.judged()
    assert len(set(rows["ts_ms"].tolist())) == len(rows["ts_ms"])


@pytest.fixture(scope="module")
def story() -> ReadingBatch:
    return with_power(meter(DAYS), 0, FAULT_MS, FAULT_MS + 2 * HOUR_MS, 3000.0)


@pytest.mark.parametrize("whose", ["ours", "the device's", "both"])
def test_a_clock_steps_back_an_hour_and_is_followed_after_five_readings(story: ReadingBatch, whose: str) -> None:
    """Against ours alone a device runs ahead, and its readings get our time; so either way time goes back an hour."""
    back_ms = np.where(story.ts_ms < STEP_MS, 0, HOUR_MS)
    said = story.ts_ms - (0 if whose == "ours" else back_ms)
    received = story.ts_ms + 200 - (0 if whose == "the device's" else back_ms)
    done = run(ReadingBatch(story.slot, said, story.power_w, received_ms=received))
    assert kept(done) >= len(story) - 5
    opened = opened_in(done)
    assert opened
    assert all(event.first_ms >= FAULT_MS - HOUR_MS - 60_000 for event in opened), "the step itself was an incident"


@pytest.mark.parametrize("detector", ["fleet", "hour_of_day", "hour_of_week"])
@pytest.mark.parametrize("change_ms", [SPRING_MS, AUTUMN_MS], ids=["spring", "autumn"])
def test_clocks_change_and_no_reading_is_lost_or_scored_twice(detector: str, change_ms: int) -> None:
    """Local time skips an hour or has one twice; event time does not."""
    calm = meter(5.0)
    moved_ms = change_ms + 1 - 4 * DAY_MS - START_MS - HOUR_MS
    done = run(ReadingBatch(calm.slot, calm.ts_ms + moved_ms, calm.power_w), detector, "Europe/Berlin")
    assert kept(done) == len(calm)
    assert_scored_once(done)
    local = np.unique(np.concatenate([j.samples.local_ms - j.samples.ts_ms for r in done.said for j in r.judged]))
    assert local.tolist() == [HOUR_MS, 2 * HOUR_MS]
    assert not done.told()[0], "the change itself was an incident"


def test_an_outbox_of_hours_drains_at_once_as_history(story: ReadingBatch) -> None:
    """Six hours with the fault in them come in one burst: judged in order, told as history, none twice or lost."""
    from_ms, to_ms = FAULT_MS - 2 * HOUR_MS, FAULT_MS + 4 * HOUR_MS
    waited = (story.ts_ms >= from_ms) & (story.ts_ms < to_ms)
    received = np.where(waited, to_ms, story.ts_ms) + 200
    done = run(arriving(replace(story, backfill=waited), received))
    assert kept(done) == len(story)
    assert_scored_once(done)
    opened = opened_in(done)
    assert opened
    assert all(event.historical for event in opened)
    assert {event.id for event in opened} == {event.id for event in opened_in(run(story))}


def opened_in(done: Run) -> list[IncidentEvent]:
    return [event for event in done.told()[0] if event.kind is EventKind.OPENED]


def test_a_burst_that_comes_after_newer_readings_cannot_enter_the_window_and_is_counted(story: ReadingBatch) -> None:
    waited = (story.ts_ms >= FAULT_MS - 2 * HOUR_MS) & (story.ts_ms < FAULT_MS - HOUR_MS)
    received = np.where(waited, story.ts_ms[-1], story.ts_ms) + 200
    done = run(arriving(replace(story, backfill=waited), received))
    assert kept(done) == len(story) - waited.sum()
    assert reasons(done) == {Reason.LATE: waited.sum()}
    assert_scored_once(done)
