from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.errors import ConfigError
from kilowatch.links.files.zones import LocalClock, check_zone

HOUR_MS = 3_600_000
ZONES = ["Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe", "UTC", "Africa/Casablanca"]


def local_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def converted(clock: LocalClock, *texts: str) -> list[str]:
    local = np.array([local_ms(text) for text in texts], dtype=np.int64)
    utc = clock.to_utc(local, np.zeros(len(local), dtype=np.int32))
    return [datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M") for ms in utc.tolist()]


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(ZONES), st.lists(st.integers(0, 4_000_000_000), min_size=1, max_size=30))
def test_times_outside_the_change_agree_with_zoneinfo(name: str, epochs: list[int]) -> None:
    moments = [datetime.fromtimestamp(epoch, ZoneInfo(name)) for epoch in epochs]
    once = [m for m in moments if m.replace(fold=0).utcoffset() == m.replace(fold=1).utcoffset()]
    local = np.array([round(m.replace(tzinfo=UTC).timestamp() * 1000) for m in once], dtype=np.int64)
    utc = LocalClock(name).to_utc(local, np.zeros(len(local), dtype=np.int32))
    np.testing.assert_array_equal(utc, np.array([round(m.timestamp() * 1000) for m in once], dtype=np.int64))


def test_the_hour_that_comes_twice_is_read_in_file_order() -> None:
    clock = LocalClock("Europe/Berlin")
    night = "2012-10-28"
    times = [f"{night}T{time}" for time in ("01:30", "02:00", "02:30", "02:59", "02:00", "02:30", "02:59", "03:00")]
    assert converted(clock, *times) == ["23:30", "00:00", "00:30", "00:59", "01:00", "01:30", "01:59", "02:00"]
    assert clock.twice == 6
    assert "6 local times occur twice" in clock.notes()[0]


def test_the_second_pass_is_remembered_across_batches() -> None:
    whole, parts = LocalClock("Europe/Berlin"), LocalClock("Europe/Berlin")
    local = local_ms("2012-10-28T01:00") + np.concatenate([np.arange(0, 120), np.arange(60, 180)]) * 60_000
    slot = np.zeros(len(local), dtype=np.int32)
    expected = whole.to_utc(local, slot)
    cut = [parts.to_utc(local[at : at + 7], slot[at : at + 7]) for at in range(0, len(local), 7)]
    np.testing.assert_array_equal(np.concatenate(cut), expected)
    np.testing.assert_array_equal(np.diff(expected), 60_000)


def test_devices_pass_the_hour_each_for_itself() -> None:
    local = np.array([local_ms("2012-10-28T02:50"), local_ms("2012-10-28T02:10")], dtype=np.int64)
    one = LocalClock("Europe/Berlin").to_utc(local, np.array([0, 0], dtype=np.int32))
    two = LocalClock("Europe/Berlin").to_utc(local, np.array([0, 1], dtype=np.int32))
    assert one[1] - two[1] == HOUR_MS


def test_a_small_step_back_is_no_second_pass() -> None:
    assert converted(LocalClock("Europe/Berlin"), "2012-10-28T02:30", "2012-10-28T02:29") == ["00:30", "00:29"]


def test_the_hour_that_never_comes_keeps_the_old_offset_and_is_counted() -> None:
    clock = LocalClock("Europe/Paris")
    assert converted(clock, "2007-03-25T01:59", "2007-03-25T02:30", "2007-03-25T03:00") == ["00:59", "01:30", "01:00"]
    assert (clock.skipped, clock.twice) == (1, 0)
    assert "do not exist" in clock.notes()[0]


def test_zones_without_changes_and_empty_batches() -> None:
    assert converted(LocalClock("Asia/Kolkata"), "2014-06-01T09:30") == ["04:00"]
    assert converted(LocalClock("UTC"), "2014-06-01T09:30") == ["09:30"]
    assert LocalClock("Europe/Berlin").to_utc(np.empty(0, np.int64), np.empty(0, np.int32)).tolist() == []
    assert LocalClock("UTC").notes() == []


def test_far_away_years_keep_the_last_known_offset() -> None:
    clock = LocalClock("Europe/Berlin")
    local = np.array([-(10**14), 10**15], dtype=np.int64)
    assert np.abs(clock.to_utc(local, np.zeros(2, dtype=np.int32)) - local).max() <= 2 * HOUR_MS


def test_unknown_zones_are_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Europe/Berlinn") as caught:
        check_zone("Europe/Berlinn")
    assert caught.value.hint == "Did you mean Europe/Berlin?"
    assert check_zone("Asia/Kolkata") == "Asia/Kolkata"
    assert timedelta(0) == ZoneInfo(check_zone("UTC")).utcoffset(datetime.now(UTC))
