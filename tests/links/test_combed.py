from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import Kind
from kilowatch.links.files import Format, ReadOptions, open_sources
from links.tables import START_MS, open_one, read, seconds, write

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.links.files import FileSource


def lines(values: list[float], late_s: int = 0, start: int = 0) -> list[str]:
    return [f"{START_MS + 30_000 * (start + row) + 1000 * late_s}.0,{value}" for row, value in enumerate(values)]


def load(tmp_path: Path, **files: list[str]) -> FileSource:
    folder = tmp_path / "iiitd" / "Academic Block" / "Lifts" / "0"
    for name, content in files.items():
        write(folder / f"{name}.csv", content)
    return open_one(tmp_path)


def test_a_load_folder_is_one_device(tmp_path: Path) -> None:
    source = load(
        tmp_path, Power=lines([1.5, 2.5, 3.5]), Energy=lines([10.0, 11.0, 12.0]), Current=lines([0.1, 0.2, 0.3])
    )
    (record,) = source.devices()
    assert source.format is Format.COMBED
    assert source.path.name == "0"
    assert (record.site, record.device, record.kind) == ("academic_block", "lifts_0", Kind.LIFT)
    assert (record.time_zone, record.interval_s) == ("Asia/Kolkata", 30.0)
    batch = read(source)
    assert seconds(batch) == [0.0, 30.0, 60.0]
    assert batch.power_w.tolist() == [1.5, 2.5, 3.5]
    assert batch.energy_wh is not None
    assert batch.energy_wh.tolist() == [10.0, 11.0, 12.0]
    assert batch.current_a is not None
    np.testing.assert_allclose(batch.current_a, [0.1, 0.2, 0.3], rtol=1e-6)
    assert source.notes() == []


def test_files_join_on_their_times(tmp_path: Path) -> None:
    source = load(tmp_path, Power=lines(list(range(200))), Energy=lines(list(range(100, 290)), start=10))
    for rows in (65_536, 7):
        energy = read(source, rows).energy_wh
        assert energy is not None
        assert np.isnan(energy[:10]).all()
        assert energy[10:].tolist() == list(map(float, range(100, 290)))


def test_a_file_resaved_by_a_spreadsheet_joins_by_row_order(tmp_path: Path) -> None:
    spoilt = ["Time,Energy", *(f"1.7172E+12,{row}" for row in range(3000))]
    source = load(tmp_path, Power=lines(list(range(3000))), Energy=spoilt)
    assert "joined by row order" in source.notes()[0]
    for rows in (65_536, 100):
        energy = read(source, rows).energy_wh
        assert energy is not None
        assert energy.tolist() == list(map(float, range(3000)))


def test_spoilt_times_and_other_rows_leave_the_energy_out(tmp_path: Path) -> None:
    spoilt = ["Time,Energy", *(f"1.7172E+12,{row}" for row in range(29))]
    source = load(tmp_path, Power=lines(list(range(30))), Energy=spoilt)
    assert source.notes() == ["Energy.csv is left out: it has spoilt times and another number of rows than Power.csv."]
    assert read(source).energy_wh is None


def test_a_neighbours_register_is_left_out(tmp_path: Path) -> None:
    source = load(tmp_path, Power=lines(list(range(30))), Energy=lines(list(range(30)), late_s=1))
    assert source.notes() == ["Energy.csv is left out: it holds other times than Power.csv."]
    assert read(source).energy_wh is None


def test_an_empty_side_file_is_left_out(tmp_path: Path) -> None:
    source = load(tmp_path, Power=lines([1.0, 2.0]), Energy=[""], Current=lines([0.5, 0.5]))
    assert "Energy.csv is left out" in source.notes()[0]
    assert read(source).current_a is not None


def test_bad_rows_keep_the_rest_in_place(tmp_path: Path) -> None:
    power = lines(list(range(50)))
    power[20] = "oops"
    source = load(tmp_path, Power=power, Energy=lines([float(row) for row in range(50)]))
    batch = read(source)
    assert batch.energy_wh is not None
    np.testing.assert_array_equal(batch.energy_wh, batch.power_w)
    assert [(problem.path.name, problem.row) for problem in source.problems()] == [("Power.csv", 21)]


def test_a_tree_of_loads_and_one_without_power(tmp_path: Path) -> None:
    for block, name, number in (
        ("Academic Block", "AHU", 0),
        ("Academic Block", "AHU", 2),
        ("Lecture Block", "UPS", 1),
    ):
        write(tmp_path / block / name / str(number) / "Power.csv", lines([1.0, 2.0, 3.0]))
    write(tmp_path / "Lecture Block" / "UPS" / "9" / "Energy.csv", lines([1.0, 2.0, 3.0]))
    result = open_sources([tmp_path], ReadOptions())
    records = [record for source in result.sources for record in source.devices()]
    assert [(r.site, r.device) for r in records] == [
        ("academic_block", "ahu_0"), ("academic_block", "ahu_2"), ("lecture_block", "ups_1"),
    ]  # fmt: skip
    (failed,) = result.failures
    assert failed.path.name == "Energy.csv"
    assert "no power" in failed.message


def test_naming_the_power_file_opens_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "B" / "Lamp" / "1"
    power = write(folder / "Power.csv", lines([1.0, 2.0]))
    write(folder / "Energy.csv", lines([1.0, 2.0]))
    source = open_one(power)
    assert source.path == folder
    assert read(source).energy_wh is not None
