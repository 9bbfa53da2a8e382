from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import Kind
from kilowatch.links.files import Format
from links.tables import open_one, read, seconds, write

if TYPE_CHECKING:
    from pathlib import Path

HEADER = (
    "Date;Time;Global_active_power;Global_reactive_power;Voltage;Global_intensity;"
    "Sub_metering_1;Sub_metering_2;Sub_metering_3"
)


def household(tmp_path: Path) -> Path:
    rows = [f"1/6/2024;02:{minute:02d}:00;{minute}.500;0.1;230.{minute};4.2;0.0;1.0;17.0" for minute in range(20)]
    rows[7] = "1/6/2024;02:07:00;?;?;?;?;?;?;"
    return write(tmp_path / "house" / "household_power_consumption.txt", [HEADER, *rows])


def test_the_household_file(tmp_path: Path) -> None:
    source = open_one(household(tmp_path))
    (record,) = source.devices()
    assert source.format is Format.UCI
    assert (record.site, record.kind, record.interval_s) == ("house", Kind.METER, 60.0)
    assert record.time_zone == "Europe/Paris"
    batch = read(source)
    assert seconds(batch) == [60.0 * minute for minute in range(20)]
    np.testing.assert_array_equal(batch.power_w[[0, 6, 7, 8]], [500.0, 6500.0, np.nan, 8500.0])
    assert batch.energy_wh is None
    assert batch.voltage_v is not None
    assert batch.current_a is not None
    assert source.problem_rows == 0


def test_the_zone_can_be_said(tmp_path: Path) -> None:
    assert seconds(read(open_one(household(tmp_path), time_zone="UTC")))[0] == 7200.0
