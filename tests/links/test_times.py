from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.links.files.time_shapes import guess_shape
from kilowatch.links.files.times import TimeForm, Times, TimeShape, read_times

NOON_MS = 1_341_057_608_000
"""2012-06-30 12:00:08 UTC."""
MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2037, 12, 31))  # noqa: DTZ001 - wall times


def read_as_guessed(values: list[str], day_first: bool | None = None) -> Times:
    column = pa.array(values)
    shape = guess_shape(column, day_first)
    assert shape is not None
    return read_times(column, shape)


@pytest.mark.parametrize(
    "text",
    [
        "1341057608", "1341057608.0", "1341057608000", "1341057608000.0", "1341057608000000", "1341057608000000000",
        "2012-06-30T12:00:08Z", "2012-06-30 12:00:08+00:00", "2012-06-30T14:00:08+0200", "2012-06-30T14:00:08+02",
        "2012-06-30 12:00:08 UTC", "2012-06-30 14:00:08 +02:00", "2012-06-30 12:00:08", "2012-06-30T12:00:08.000",
        "2012-06-30T12:00:08.0000000Z", "30/06/2012 12:00:08", "30.06.2012 12:00:08", "30-06-2012 12:00:08",
        "6/30/2012 12:00:08", "06/30/2012 12:00:08 PM", "30.06.12 12:00:08", "2012/06/30 12:00:08",
        "20120630120008", "30.06.2012, 12:00:08", "30/06/2012 12:00:08.000", "2012/06/30T12:00:08",
    ],
)  # fmt: skip
def test_every_shape_of_one_moment(text: str) -> None:
    times = read_as_guessed([text] * 3)
    assert times.ms.tolist() == [NOON_MS] * 3
    assert not times.bad.any()


@pytest.mark.parametrize(
    "text", ["30/06/2012 12:00", "2012-06-30 12:00", "6/30/2012 12:00", "30.06.2012 12:00", "6/30/2012 12:00 PM"]
)
def test_minutes_are_enough(text: str) -> None:
    assert read_as_guessed([text]).ms.tolist() == [NOON_MS - 8000]


def test_dates_alone_are_midnights() -> None:
    assert read_as_guessed(["30.06.2012", "01.07.2012"]).ms.tolist() == [NOON_MS - 43_208_000, NOON_MS + 43_192_000]


def test_fractions_of_a_second_survive() -> None:
    for text in ("2012-06-30 12:00:08.25", "30/06/2012 12:00:08.250", "30/06/2012 12:00:08,25", "1341057608.25"):
        assert read_as_guessed([text]).ms.tolist() == [NOON_MS + 250]


@pytest.mark.parametrize(
    ("values", "first_ms"),
    [
        (["01/02/2024 00:00", "13/02/2024 00:00"], 1_706_745_600_000),
        (["01/02/2024 00:00", "01/13/2024 00:00"], 1_704_153_600_000),
        ([f"06/{day:02d}/2024 00:00" for day in range(1, 6)], 1_717_200_000_000),
        ([f"{day:02d}/06/2024 00:00" for day in range(1, 6)], 1_717_200_000_000),
    ],
)
def test_data_decide_between_day_and_month(values: list[str], first_ms: int) -> None:
    assert read_as_guessed(values).ms[0] == first_ms


def test_a_person_decides_between_day_and_month() -> None:
    values = ["03/04/2024 00:00"]
    april, march = (read_as_guessed(values, day_first=first).ms[0] for first in (True, False))
    assert april - march == 30 * 86_400_000


def test_days_that_do_not_exist_are_bad() -> None:
    shape = TimeShape(TimeForm.PATTERN, pattern="%d/%m/%Y %H:%M")
    times = read_times(
        pa.array(["30/02/2012 00:00", "29/02/2012 00:00", "29/02/2013 00:00", "01/03/2012 00:00"]), shape
    )
    assert times.bad.tolist() == [True, False, True, False]
    month_first = TimeShape(TimeForm.PATTERN, pattern="%m/%d/%y")
    assert read_times(pa.array(["2/30/12", "3/1/12"]), month_first).bad.tolist() == [True, False]


def test_bad_cells_leave_their_neighbours_alone() -> None:
    texts = ["2024-06-01 00:00:00", "rubbish", "2024-13-01 00:00:00", None, "2024-06-01 00:00:30"]
    times = read_times(pa.array(texts), TimeShape(TimeForm.ISO))
    assert times.bad.tolist() == [False, True, True, True, False]
    assert times.ms[4] - times.ms[0] == 30_000


def test_a_clock_that_was_never_set_is_passed_on() -> None:
    assert read_as_guessed(["0", "30", "60"]).ms.tolist() == [0, 30_000, 60_000]
    assert read_as_guessed(["1970-01-01 00:00:30"]).ms.tolist() == [30_000]
    assert read_as_guessed(["2100-01-01 00:00:00"]).ms.tolist() == [4_102_444_800_000]


def test_values_are_not_taken_for_times() -> None:
    for values in (["12.5", "13.0"], ["fridge", "tv"], ["", "?"], ["12:30:00", "12:31:00"]):
        assert guess_shape(pa.array(values), named=False) is None
    assert guess_shape(pa.array([1.5, 2.5]), named=False) is None
    assert guess_shape(pa.array([True, False])) is None


def test_numbers_beyond_reason_are_bad() -> None:
    shape = TimeShape(TimeForm.EPOCH, zoned=True, per_second=1.0)
    assert read_times(pa.array(["1e30", "nan", "-1e300", "1717200000"]), shape).bad.tolist() == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Kolkata"])
def test_typed_times_of_any_unit(unit: str, zone: str | None) -> None:
    column = pa.array([NOON_MS, None], pa.timestamp("ms")).cast(pa.timestamp(unit)).cast(pa.timestamp(unit, tz=zone))
    shape = guess_shape(column)
    assert shape == TimeShape(TimeForm.TYPED, zoned=zone is not None)
    assert shape is not None
    times = read_times(column, shape)
    assert (times.ms[0], times.bad.tolist()) == (NOON_MS, [False, True])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(MOMENTS, min_size=1, max_size=20), st.sampled_from(["%d/%m/%Y %H:%M:%S", "%m/%d/%y %I:%M %p", "%Y.%m.%d"])
)
def test_patterns_agree_with_the_standard_library(moments: list[datetime], pattern: str) -> None:
    texts = [moment.strftime(pattern) for moment in moments]
    times = read_times(pa.array(texts), TimeShape(TimeForm.PATTERN, pattern=pattern))
    whole = [datetime.strptime(text, pattern).replace(tzinfo=UTC) for text in texts]
    np.testing.assert_array_equal(times.ms, [round(moment.timestamp() * 1000) for moment in whole])
    assert not times.bad.any()


@settings(deadline=None, max_examples=50)
@given(st.lists(MOMENTS, min_size=1, max_size=20), st.integers(-12, 14))
def test_iso_agrees_with_the_standard_library(moments: list[datetime], hours: int) -> None:
    offset = timedelta(hours=hours)
    texts = [moment.replace(microsecond=0).isoformat() + f"{hours:+03d}:00" for moment in moments]
    times = read_times(pa.array(texts), TimeShape(TimeForm.ISO, zoned=True))
    utc = [(moment.replace(microsecond=0, tzinfo=UTC) - offset).timestamp() * 1000 for moment in moments]
    np.testing.assert_array_equal(times.ms, np.array(utc, dtype=np.int64))


def test_shapes_say_what_they_are() -> None:
    said = [
        str(guess_shape(pa.array([text] * 2))) for text in ("30/06/2012 12:00:08", "1341057608000", "2012-06-30 12:00")
    ]
    assert said == ["day/month/year hh:mm:ss", "epoch ms", "ISO 8601"]
