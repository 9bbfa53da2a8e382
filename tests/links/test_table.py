from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from kilowatch.core.device import Fleet, Kind, first_seen
from kilowatch.errors import ReadingError
from kilowatch.links.files import ColumnNames, Format, PowerUnit
from links.tables import START_MS, csv_lines, open_one, read, read_file, seconds, write

if TYPE_CHECKING:
    from pathlib import Path

PARIS = "Europe/Paris"


def table(tmp_path: Path, *lines: str, name: str = "plug.csv") -> Path:
    return write(tmp_path / "home" / name, lines)


def test_a_plain_table(tmp_path: Path) -> None:
    source = open_one(write(tmp_path / "My Home" / "fridge 2024-06.csv", csv_lines(100)))
    (record,) = source.devices()
    assert (record.site, record.device, record.kind) == ("my_home", "fridge", Kind.FRIDGE)
    assert (record.interval_s, record.time_zone, record.protected) == (30.0, "UTC", True)
    assert source.format is Format.CSV
    batch = read(source)
    assert len(batch) == 100
    assert seconds(batch)[:3] == [0.0, 30.0, 60.0]
    assert batch.power_w[:3].tolist() == [0.0, 1.1, 2.2]
    assert source.problems() == []
    assert "power power_w in W" in source.reading_kind


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_german_export(tmp_path: Path, encoding: str, end: str) -> None:
    rows = [f"01.06.2024;0{hour}:00:00;Kühlschrank;0,{hour}5;100{hour},0" for hour in range(9)]
    lines = ["Datum;Uhrzeit;Gerät;Leistung [kW];Zählerstand [kWh]", *rows]
    path = write(tmp_path / "home" / "export.csv", end.join(lines) + end, encoding)
    source = open_one(path, time_zone="Europe/Berlin", columns=ColumnNames(device="Gerät", energy="Zählerstand [kWh]"))
    batch = read(source)
    assert seconds(batch) == [3600.0 * hour - 7200.0 for hour in range(9)]
    np.testing.assert_allclose(batch.power_w[:3], [50.0, 150.0, 250.0])
    assert batch.energy_wh is not None
    assert batch.energy_wh[:2].tolist() == [1_000_000.0, 1_001_000.0]
    assert [record.device for record in source.devices()] == ["Kühlschrank"]


def test_a_home_assistant_history(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "entity_id,state,last_changed",
        "sensor.fridge_power,81.5,2024-06-01T00:00:00.000Z",
        "sensor.fridge_power,unavailable,2024-06-01T00:00:10.250Z",
        "sensor.tv_power,12,2024-06-01T00:00:11.000Z",
    )
    source = open_one(path)
    batch = read(source)
    assert [record.device for record in source.devices()] == ["sensor.fridge_power", "sensor.tv_power"]
    assert seconds(batch) == [0.0, 10.25, 11.0]
    np.testing.assert_array_equal(batch.power_w, [81.5, np.nan, 12.0])
    assert source.problem_rows == 0


def test_no_header_and_spaces(tmp_path: Path) -> None:
    batch = read_file(table(tmp_path, "1717200000 222.20", "1717200006 223.00", "1717200012 bad", name="channel_1.dat"))
    assert batch.power_w.tolist() == [222.2, 223.0]


def test_units_in_cells_and_in_a_column(tmp_path: Path) -> None:
    cells = table(tmp_path, "time,power", "1717200000,350 W", "1717200030,1.2 kW", "1717200060,9 hp", name="a.csv")
    source = open_one(cells)
    assert read(source).power_w.tolist() == [350.0, 1200.0]
    assert source.problems()[0].row == 4
    column = table(
        tmp_path, "time,value,unit", "1717200000,350,W", "1717200030,1.2,kW", "1717200060,21,°C", name="b.csv"
    )
    source = open_one(column)
    assert read(source).power_w.tolist() == [350.0, 1200.0]
    assert [(problem.row, problem.reason) for problem in source.problems()] == [(4, "The unit is not W, kW or MW.")]


def test_the_unit_is_guessed_by_volts_and_amperes(tmp_path: Path) -> None:
    rows = [f"{1_717_200_000 + 60 * row},{0.23 * row:.2f},230,{row}" for row in range(1, 20)]
    source = open_one(table(tmp_path, "time,power,voltage,current", *rows))
    assert "kW by voltage and current" in source.reading_kind
    np.testing.assert_allclose(read(source).power_w[:2], [230.0, 460.0])
    watts = open_one(table(tmp_path, "time,power,voltage,current", *(r.replace(".", "") for r in rows), name="w.csv"))
    assert "; W by voltage and current" in watts.reading_kind


def test_small_numbers_of_a_whole_home_are_kilowatts(tmp_path: Path) -> None:
    rows = [f"{1_717_200_000 + 60 * row},{1 + row / 10:.1f}" for row in range(20)]
    home = open_one(table(tmp_path, "time,power", *rows, name="mains.csv"))
    assert read(home).power_w[1] == pytest.approx(1100.0)
    assert "kW by its size" in home.reading_kind
    lamp = open_one(table(tmp_path, "time,power", *rows, name="lamp.csv"))
    assert read(lamp).power_w[1] == pytest.approx(1.1)
    said = open_one(table(tmp_path, "time,power", *rows, name="mains.csv"), unit=PowerUnit.W)
    assert read(said).power_w[1] == pytest.approx(1.1)


def test_a_register_without_unit_is_scaled_by_its_growth(tmp_path: Path) -> None:
    def rows(scale: float) -> list[str]:
        return [f"{1_717_200_000 + 60 * row},1000,{scale * (5e5 + 1000 / 60 * row):.5f}" for row in range(60)]

    kwh = read_file(table(tmp_path, "time,power_w,energy", *rows(0.001), name="kwh.csv"))
    wh = read_file(table(tmp_path, "time,power_w,energy", *rows(1.0), name="wh.csv"))
    assert kwh.energy_wh is not None
    assert wh.energy_wh is not None
    np.testing.assert_allclose(kwh.energy_wh, wh.energy_wh, rtol=1e-6)


def test_energy_of_each_interval_is_no_register(tmp_path: Path) -> None:
    rows = [f"{1_717_200_000 + 60 * row},100,{row % 3}" for row in range(30)]
    source = open_one(table(tmp_path, "time,power_w,energy_wh", *rows))
    assert "energy_wh does not count up and is left out" in source.reading_kind
    assert read(source).energy_wh is None


def test_bad_cells_beside_the_power_cost_no_reading(tmp_path: Path) -> None:
    rows = [f"{1_717_200_000 + 30 * row},5,{row}" for row in range(20)]
    rows[3] = "1717200090,5,broken"
    source = open_one(table(tmp_path, "time,power_w,energy_wh", *rows))
    batch = read(source)
    assert batch.energy_wh is not None
    assert (len(batch), int(np.isnan(batch.energy_wh).sum())) == (20, 1)
    (problem,) = source.problems()
    assert (problem.row, problem.rows) == (5, 0)
    assert "kept without it" in problem.reason


def test_devices_that_the_sample_missed_join_the_fleet(tmp_path: Path) -> None:
    lines = ["time,device,power_w", *(f"{1_717_200_000 + row},fridge,5" for row in range(60_000))]
    lines[30_000] = "1717229999,kettle,2000"
    source = open_one(table(tmp_path, *lines))
    fleet = Fleet([first_seen("elsewhere", "tv")])
    batch = read(source, fleet=fleet)
    assert [record.device for record in source.devices()] == ["fridge"]
    assert [record.device for record in fleet.records] == ["tv", "fridge", "kettle"]
    assert fleet.records[2].kind is Kind.KETTLE
    assert np.unique(batch.slot).tolist() == [1, 2]


def test_what_a_person_says_wins(tmp_path: Path) -> None:
    path = table(tmp_path, "a,b,c,device", *(f"2024-06-01 00:0{row}:00,7,{row},x" for row in range(9)))
    said = open_one(
        path, columns=ColumnNames(time="1", power="c"), site="lab", device="rig", kind=Kind.MEDICAL, interval_s=5.0
    )
    (record,) = said.devices()
    assert (record.site, record.device, record.kind, record.interval_s) == ("lab", "rig", Kind.MEDICAL, 5.0)
    assert read(said).power_w.tolist() == list(map(float, range(9)))


def test_day_and_month_as_said(tmp_path: Path) -> None:
    path = table(tmp_path, "time,power", "03/06/2024 00:00,1", "03/06/2024 00:01,2")
    assert seconds(read_file(path, day_first=True)) == [172_800.0, 172_860.0]
    assert seconds(read_file(path, day_first=False))[0] == -86_400.0 * 87


def test_local_time_of_a_stated_zone(tmp_path: Path) -> None:
    path = table(tmp_path, "time,power", "2024-06-01 02:00:00,1", "2024-06-01 02:00:30,2")
    source = open_one(path, time_zone=PARIS)
    assert seconds(read(source)) == [0.0, 30.0]
    assert source.devices()[0].time_zone == PARIS


def test_clock_changes_are_noted(tmp_path: Path) -> None:
    path = table(tmp_path, "time,power", *(f"2024-10-27 02:{minute:02d}:00,1" for minute in range(60)))
    source = open_one(path, time_zone=PARIS)
    assert source.notes() == []
    read(source)
    assert source.notes() == [f"60 local times occur twice in {PARIS} (clock set back); read in file order."]


def test_blank_lines_and_missing_power(tmp_path: Path) -> None:
    path = table(tmp_path, "time;power_w", "", "1717200000;?", ";", "1717200030;", "1717200060;5", "")
    source = open_one(path)
    np.testing.assert_array_equal(read(source).power_w, [np.nan, np.nan, 5.0])
    assert source.problem_rows == 0


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    path = table(tmp_path, *csv_lines(9))
    with pytest.raises(ReadingError, match=r"There is no column 'powr_w'\.") as caught:
        open_one(path, columns=ColumnNames(power="powr_w"))
    assert caught.value.hint == "The columns are timestamp, power_w. Did you mean power_w?"
    texts = table(tmp_path, "time,power,note", "1717200000,1,ok", name="b.csv")
    for columns, message in ((ColumnNames(time="note"), "no times"), (ColumnNames(power="note"), "no numbers")):
        with pytest.raises(ReadingError, match=f"Column note holds {message}"):
            open_one(texts, columns=columns)


def test_reading_twice_counts_problems_once(tmp_path: Path) -> None:
    lines = csv_lines(50)
    lines[7] = "1717200180,rubbish"
    source = open_one(write(tmp_path / "a.csv", lines))
    first, second = read(source), read(source, rows=7)
    assert source.problem_rows == 1
    assert first.ts_ms.tolist() == second.ts_ms.tolist()
    assert START_MS + 180_000 not in first.ts_ms
