from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.core.device import Kind
from kilowatch.links.files import Format, ReadOptions, open_sources
from links.tables import START_MS, open_one, read, read_file, seconds, write

if TYPE_CHECKING:
    from pathlib import Path


def day(number: int, rows: int = 10, end: str = "\n") -> str:
    return "".join(f"{number:02d}/06/2024 00:00:{2 * row:02d};{row};{row + 1}{end}" for row in range(rows))


def test_daily_files_of_a_plug_are_one_device_in_date_order(tmp_path: Path) -> None:
    folder = tmp_path / "complete" / "TV-LCD"
    for number in (3, 1, 2):
        write(folder / f"dev_B80E51_2024.06.{number:02d}.csv", day(number, end="\r\n" if number == 2 else "\n"))
    source = open_one(tmp_path)
    (record,) = source.devices()
    assert (source.format, source.path) == (Format.TRACEBASE, folder)
    assert (record.site, record.device, record.kind) == ("tracebase", "tv_lcd_dev_b80e51", Kind.TV)
    assert (record.time_zone, record.interval_s) == ("Europe/Berlin", 2.0)
    batch = read(source)
    assert [at for at in seconds(batch) if at % 86_400 == 79_200] == [-7200.0, 79_200.0, 165_600.0]
    assert batch.power_w.tolist() == list(map(float, range(10))) * 3
    assert source.estimated_rows() in range(28, 34)


def test_plugs_of_one_folder_stay_apart(tmp_path: Path) -> None:
    folder = tmp_path / "Lamp"
    for plug in ("A", "B"):
        write(folder / f"dev_{plug}_2024.06.01.csv", day(1))
    records = [source.devices()[0] for source in open_sources([folder], ReadOptions()).sources]
    assert [record.device for record in records] == ["lamp_dev_a", "lamp_dev_b"]


def test_a_bad_day_leaves_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "Lamp"
    for number in (1, 3):
        write(folder / f"dev_A_2024.06.{number:02d}.csv", day(number))
    bad = write(folder / "dev_A_2024.06.02.csv", "timestamp,power\n1717200000,5\n")
    empty = write(folder / "dev_A_2024.06.04.csv", "")
    result = open_sources([folder], ReadOptions())
    assert [failed.path for failed in result.failures] == [bad, empty]
    assert "no tracebase day" in result.failures[0].message
    assert "empty" in result.failures[1].message
    assert len(read(result.sources[0])) == 20


def test_broken_rows_name_their_own_file(tmp_path: Path) -> None:
    folder = tmp_path / "Lamp"
    write(folder / "dev_A_2024.06.01.csv", day(1))
    second = write(folder / "dev_A_2024.06.02.csv", day(2) + "02/06/2024 00:0")
    source = open_one(folder)
    assert len(read(source)) == 20
    assert [(problem.path, problem.row) for problem in source.problems()] == [(second, 11)]


def test_one_file_and_content_without_the_usual_name(tmp_path: Path) -> None:
    path = write(tmp_path / "Fridge" / "march.csv", day(1))
    source = open_one(path)
    assert (source.format, source.path) == (Format.TRACEBASE, path)
    assert source.devices()[0].kind is Kind.FRIDGE
    assert read_file(path, time_zone="UTC").ts_ms[0] == START_MS
