"""What a reading tells by its place in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.clean_stories import INTERVAL, one_device, verdicts
from core.fleets import START_MS, batch_of, fleet_of
from kilowatch.core.clean import Cleaner, Reason

if TYPE_CHECKING:
    from kilowatch.core.reading import ReadingBatch

NONE, LATE, DUPLICATE, JUMP = Reason.NONE, Reason.LATE, Reason.DUPLICATE, Reason.CLOCK_JUMP
HOUR = 3600
DAY = 86_400


def cleaner(late_after_s: float = 600.0) -> Cleaner:
    return Cleaner(fleet_of(INTERVAL, INTERVAL), late_after_s)


def at(*seconds: float, **columns: list[int] | list[bool]) -> ReadingBatch:
    return one_device(*[(s, 40.0 + i) for i, s in enumerate(seconds)], **columns)


def arriving(*pairs: tuple[float, float]) -> ReadingBatch:
    """Readings at (event time, time of arrival), both in seconds."""
    return at(*(s for s, _ in pairs), received_ms=[START_MS + round(r * 1000) for _, r in pairs])


def test_the_first_reading_of_an_instant_wins() -> None:
    clean = cleaner().clean(at(0, 0, 300))
    assert clean.readings.power_w.tolist() == [40.0, 42.0]
    assert clean.rejected_reason.tolist() == [DUPLICATE]


def test_the_same_instant_of_two_devices_is_two_readings() -> None:
    clean = cleaner().clean(batch_of([(0, START_MS, 5.0), (1, START_MS, 5.0)]))
    assert clean.reason.tolist() == [NONE, NONE]


def test_sequence_numbers_tell_readings_of_one_instant_apart() -> None:
    readings = at(0, 0, 0, 0, 300, 300, seq=[7, 7, 8, 6, 9, -1])
    assert verdicts(cleaner(), readings) == [NONE, DUPLICATE, NONE, LATE, NONE, LATE]


def test_an_earlier_reading_cannot_enter_the_window_any_more() -> None:
    assert verdicts(cleaner(), at(0, 300, 299.999, 0, 600)) == [NONE, NONE, LATE, LATE, NONE]


def test_a_small_step_back_waits_until_the_device_has_caught_up() -> None:
    steps = at(0, 300, 245, 250, 255, 260, 265, 270, 301)
    assert verdicts(cleaner(), steps) == [NONE, NONE, *[LATE] * 6, NONE]


def test_a_rejected_reading_does_not_move_the_clock() -> None:
    readings = one_device((0, 5.0), (600, float("nan")), (300, 6.0))
    assert verdicts(cleaner(), readings) == [NONE, Reason.NOT_A_NUMBER, NONE]


def test_a_clock_that_went_back_is_followed_after_five_readings() -> None:
    back = at(0, 300, *(s - HOUR for s in (600, 900, 1200, 1500, 1800, 2100)))
    assert verdicts(cleaner(), back) == [NONE, NONE, *[LATE] * 4, JUMP, NONE]


@pytest.mark.parametrize(
    "spoilt",
    [
        (600, 900, 1200, 1100, 1500),  # a step back among them
        (600, 900, 1200, 1200, 1500),  # a repetition
        (600, 900, 1200, 1500, 2401),  # a silence longer than values hold
        (600, 900, 1200, 1500, HOUR + 400),  # the old clock is back
    ],
)
def test_anything_unsteady_keeps_the_old_clock(spoilt: tuple[int, ...]) -> None:
    assert JUMP not in verdicts(cleaner(), at(0, 300, *(s - HOUR for s in spoilt)))


def test_a_garbled_time_far_ahead_locks_a_device_out_for_four_readings_only() -> None:
    readings = at(0, 300, 10 * DAY, 600, 900, 1200, 1500, 1800)
    assert verdicts(cleaner(), readings) == [NONE, NONE, NONE, *[LATE] * 4, JUMP]


def test_a_clock_may_go_back_twice() -> None:
    twice = [s - hours * HOUR for hours in (1, 2) for s in (600, 900, 1200, 1500, 1800)]
    assert verdicts(cleaner(), at(0, 300, *twice)).count(JUMP) == 2


def test_a_drained_outbox_is_late_and_no_clock_jump() -> None:
    drained = [(s - HOUR, 301 + s / 1000) for s in (600, 900, 1200, 1500, 1800, 2100)]
    assert verdicts(cleaner(), arriving((0, 0), (300, 300), *drained))[2:] == [LATE] * 6


def test_stragglers_that_trickle_in_are_late_and_no_clock_jump() -> None:
    trickled = [(s - HOUR, 3 * s) for s in (600, 900, 1200, 1500, 1800, 2100)]
    assert verdicts(cleaner(), arriving((0, 0), (300, 300), *trickled))[2:] == [LATE] * 6


def test_a_clock_that_went_back_is_followed_where_arrival_keeps_pace() -> None:
    back = [(s - HOUR, s) for s in (600, 900, 1200, 1500, 1800)]
    assert verdicts(cleaner(), arriving((0, 0), (300, 300), *back))[-1] is JUMP


def test_marked_backfill_never_moves_a_clock() -> None:
    back = at(0, 300, *(s - HOUR for s in (600, 900, 1200, 1500, 1800)), backfill=[False] * 2 + [True] * 5)
    assert verdicts(cleaner(), back)[2:] == [LATE] * 5


def test_two_readings_given_the_same_time_of_arrival_are_not_called_duplicates() -> None:
    readings = arriving((HOUR, 100), (HOUR + 300, 100))
    assert verdicts(cleaner(), readings) == [Reason.CLOCK_AHEAD, LATE]


def test_an_equal_sequence_number_does_not_make_a_moved_reading_a_duplicate() -> None:
    arrival = [START_MS + 100_000] * 2
    assert verdicts(cleaner(), at(HOUR, HOUR + 300, received_ms=arrival, seq=[3, 3])) == [Reason.CLOCK_AHEAD, LATE]


def history(readings: ReadingBatch, cleaned: Cleaner | None = None) -> list[bool]:
    return (cleaned or cleaner()).clean(readings).historical.tolist()


def test_without_arrival_times_only_the_mark_makes_history() -> None:
    assert history(at(0, 300)) == [False, False]
    assert history(at(0, 300, backfill=[True, False])) == [True, False]


def test_a_reading_older_than_the_limit_on_arrival_is_history() -> None:
    assert history(arriving((0, 1), (300, 301), (600, 1201), (900, 1501), (1000, 1601.001))) == [False] * 4 + [True]
    assert history(arriving((0, 1), (300, 361.5)), cleaner(late_after_s=60)) == [False, True]


def test_a_slow_clock_is_no_history_once_its_offset_is_known() -> None:
    slow = arriving(*((s, s + 5 * HOUR) for s in range(0, 1500, 300)))
    cleaned = cleaner()
    assert history(slow, cleaned) == [True, False, False, False, False]
    assert cleaned.clock_offset_ms().tolist() == [5 * HOUR * 1000, 0]


def test_a_drained_outbox_does_not_pass_for_a_slow_clock_even_after_days() -> None:
    live = [(s, s + 0.1) for s in range(0, 3000, 300)]
    drained = [(s, 5 * DAY + s / 1000) for s in range(3000, 4 * DAY, 3000)]
    assert history(arriving(*live, *drained)) == [False] * len(live) + [True] * len(drained)


def test_an_outbox_that_drains_over_days_leaves_the_offset_alone() -> None:
    slow = [(s, s + 5 * HOUR) for s in (0, 300, 600)]
    drained = [(s, 10 * DAY + 0.4 * s) for s in range(DAY // 4, 8 * DAY, DAY // 4)]
    live = (14 * DAY, 14 * DAY + 5 * HOUR)
    assert history(arriving(*slow, *drained, live)) == [True, False, False, *[True] * len(drained), False]


def test_an_outbox_drained_newest_first_teaches_no_offset() -> None:
    cleaned = cleaner()
    cleaned.clean(arriving(*((s, DAY + 1) for s in range(3000, 0, -300))))
    assert cleaned.clock_offset_ms()[0] == 0


def test_a_drained_reading_that_comes_twice_teaches_no_offset() -> None:
    cleaned = cleaner()
    cleaned.clean(arriving((0, DAY), (0, DAY)))
    assert cleaned.clock_offset_ms()[0] == 0


def test_marked_backfill_is_history_at_any_age_and_teaches_no_offset() -> None:
    cleaned = cleaner()
    readings = at(0, 300, 600, received_ms=[START_MS + s * 1000 for s in (1, 301, 601)], backfill=[True] * 3)
    assert history(readings, cleaned) == [True] * 3
    assert cleaned.clock_offset_ms()[0] == 0


def test_an_arrival_that_is_no_time_teaches_no_offset() -> None:
    cleaned = cleaner()
    cleaned.clean(at(0, 300, received_ms=[0, 0]))
    assert cleaned.clock_offset_ms()[0] == 0


def test_a_first_message_that_is_a_drained_outbox_is_history() -> None:
    assert all(history(arriving(*((s, DAY + s / 1000) for s in range(0, 30_000, 300)))))


def test_the_offset_is_the_smallest_of_this_day_and_the_one_before() -> None:
    cleaned = cleaner()
    for day, lag in enumerate((1, 90, 50, 70)):
        cleaned.clean(arriving(*((day * DAY + s, day * DAY + s + lag) for s in (0, 300, 600))))
        expected = {0: 1, 1: 1, 2: 50, 3: 50}[day]
        assert cleaned.clock_offset_ms()[0] == expected * 1000


def test_a_reading_is_history_alike_in_one_batch_over_many_days() -> None:
    readings = arriving(*((s, s + (90 if s % DAY else 800)) for s in range(0, 4 * DAY, 1200)))
    one_by_one = cleaner()
    singles = [history(readings.take(slice(row, row + 1)), one_by_one)[0] for row in range(len(readings))]
    assert history(readings) == singles
    assert np.flatnonzero(singles).tolist() == [0, 72, 144, 216]


def test_offsets_of_a_fleet_that_never_told_arrival_times_are_zero() -> None:
    cleaned = cleaner()
    cleaned.clean(at(0, 300))
    assert cleaned.clock_offset_ms().tolist() == [0, 0]
