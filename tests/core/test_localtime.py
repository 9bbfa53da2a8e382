"""Hour-of-week is local, also on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from kilowatch.core.localtime import LocalTimes, offset_ms
from kilowatch.core.samples import hour_of_week
from kilowatch.errors import ConfigError


@pytest.mark.parametrize("name", ["Europe/Berlin", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_offsets_equal_the_zone_database_all_year(name: str) -> None:
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=47 * i) for i in range(11_000)]
    ts_ms = np.array([round(t.timestamp() * 1000) for t in times], dtype=np.int64)
    expected = [t.astimezone(ZoneInfo(name)).utcoffset() for t in times]
    assert offset_ms(name, ts_ms).tolist() == [round(e.total_seconds() * 1000) for e in expected if e is not None]


@pytest.mark.parametrize(("utc_hour", "day"), [(0, 29), (1, 29), (2, 29)])
def test_the_spring_change_skips_an_hour(utc_hour: int, day: int) -> None:
    at = datetime(2026, 3, day, utc_hour, tzinfo=UTC)
    times = LocalTimes()
    times.assign(0, "Europe/Berlin")
    local = times.local_ms(np.zeros(1, dtype=np.int32), np.array([round(at.timestamp() * 1000)]))
    berlin = at.astimezone(ZoneInfo("Europe/Berlin"))
    assert hour_of_week(local)[0] == berlin.weekday() * 24 + berlin.hour


def test_the_autumn_change_has_an_hour_twice() -> None:
    midnight_ms = round(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp() * 1000)
    times = LocalTimes()
    times.assign(0, "Europe/Berlin")
    local = times.local_ms(np.zeros(25, dtype=np.int32), midnight_ms + np.arange(25) * 3_600_000)
    sunday = 6 * 24
    assert hour_of_week(local).tolist() == [sunday, sunday + 1, sunday + 2, *range(sunday + 2, sunday + 24)]


def test_devices_of_several_zones_in_one_batch() -> None:
    times = LocalTimes()
    for slot, name in enumerate(["UTC", "Asia/Kolkata", "UTC"]):
        times.assign(slot, name)
    local = times.local_ms(np.array([0, 1, 2], dtype=np.int32), np.zeros(3, dtype=np.int64))
    assert local.tolist() == [0, 19_800_000, 0]


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(ConfigError, match="Mars/Base"):
        LocalTimes().assign(0, "Mars/Base")
