"""`kilowatch replay`: what it prints for people and for scripts, and what it leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from pyarrow import parquet

from cli.homes import DAYS, LEARNING, SIMPLE, Said, called, meter
from kilowatch.core.outputs import ReplayOutput
from kilowatch.errors import ConfigError, DetectorError, ReadingError
from links.tables import csv_lines, write

if TYPE_CHECKING:
    from pathlib import Path

KEYS = [
    "schema", "version", "readings", "accepted", "repaired", "rejected", "devices", "learning_days",
    "watched_device_weeks", "incidents", "incident_open_share", "alarms_per_device_week", "seconds",
]  # fmt: skip


def replay(folder: Path, *words: object) -> Said:
    return called("replay", *words, SIMPLE, LEARNING, f"--report={folder / 'report.html'}")


def test_json_is_one_object_with_stable_keys_and_nothing_else(tmp_path: Path) -> None:
    said = replay(tmp_path, meter(tmp_path / "meter.csv"), "--json")
    assert said.code == 0
    assert list(said.json) == KEYS
    output = msgspec.convert(said.json, ReplayOutput)
    assert output.readings == DAYS * 1440
    assert output.accepted + output.repaired + output.rejected == output.readings
    assert (output.devices, output.learning_days) == (1, 3)
    assert output.watched_device_weeks == pytest.approx(2 / 7, rel=0.05)
    assert output.incidents >= 1
    assert "report.html" in said.err


def test_people_read_what_was_odd_and_what_would_have_been_done(tmp_path: Path) -> None:
    said = replay(tmp_path, meter(tmp_path / "kitchen.csv"))
    assert said.code == 0
    assert "Kitchen: " in said.out
    assert "2024-06-04 18:" in said.out
    assert "would have been" in said.out
    assert "7,200 readings of 1 device (" in said.out
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Kitchen: " in report
    assert "kilowatch: kitchen.csv" in report


def test_verdicts_and_incidents_are_written_where_asked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = replay(tmp_path, meter(tmp_path / "meter.csv"), f"--out={out}", "--json")
    verdicts, incidents = (parquet.read_table(out / f"{name}.parquet") for name in ("verdicts", "incidents"))
    assert verdicts.num_rows >= said.json["accepted"]
    assert set(verdicts["device"].to_pylist()) == {"meter"}
    assert incidents.num_rows >= said.json["incidents"]


def test_a_file_that_cannot_be_read_is_left_out_with_its_reason(tmp_path: Path) -> None:
    meter(tmp_path / "home" / "meter.csv")
    write(tmp_path / "home" / "notes.csv", "dear diary\nnothing to see here\n")
    said = replay(tmp_path, tmp_path / "home", "--json")
    assert said.code == 0
    assert said.json["devices"] == 1
    assert "skipped" in said.err
    assert "notes.csv" in said.err


def test_rows_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    lines = meter(tmp_path / "meter.csv").read_text().splitlines()
    lines[100:110] = ["soon,many"] * 10
    write(tmp_path / "meter.csv", lines)
    said = replay(tmp_path, tmp_path / "meter.csv", "--json")
    assert said.json["readings"] == DAYS * 1440 - 10
    assert "row 101" in said.err
    assert "10 unreadable rows in all" in said.err


def test_too_short_a_history_is_not_called_quiet(tmp_path: Path) -> None:
    said = replay(tmp_path, meter(tmp_path / "meter.csv", days=2))
    assert said.code == 0
    assert "Nothing was watched yet." in said.out
    assert "--learning-days" in said.out
    assert "Nothing odd" not in said.out
    assert "Still learning" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_quiet_history_is_called_quiet(tmp_path: Path) -> None:
    said = replay(tmp_path, meter(tmp_path / "meter.csv", fault=False), "--alarms-per-week=0.01")
    assert "Nothing odd was found." in said.out


def test_looking_back_is_labelled_as_such(tmp_path: Path) -> None:
    said = replay(tmp_path, meter(tmp_path / "meter.csv"), "--look-back", "--json")
    assert said.json["watched_device_weeks"] == pytest.approx(DAYS / 7, rel=0.02)
    assert "not causal" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_names_are_printed_as_they_are(tmp_path: Path) -> None:
    path = meter(tmp_path / "[red]odd[" / "meter.csv")
    write(tmp_path / "[red]odd[" / "bad.csv", "dear diary\n")
    said = called("replay", path.parent, SIMPLE, LEARNING, "--site=[bold]", "--device=[blink]", f"--report={path}.html")
    assert said.code == 0
    assert "[red]odd[" in said.err
    assert "[blink]" in said.out


def test_the_options_of_the_readers_are_heard(tmp_path: Path) -> None:
    path = write(tmp_path / "plug.csv", csv_lines(300, header="when,much"))
    said = replay(tmp_path, path, "--time-column=when", "--power-column=much", "--unit=kW", "--interval=30", "--json")
    assert said.json["readings"] == 300


def test_an_unknown_detector_is_refused_before_a_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(DetectorError) as refused:
        called("replay", tmp_path / "nothing.csv", "--detector=hour_of_weak")
    assert "hour_of_week" in refused.value.hint


def test_nothing_readable_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ReadingError) as refused:
        replay(tmp_path, tmp_path / "nothing.csv")
    assert refused.value.hint


@pytest.mark.parametrize("option", ["--report", "--out"])
def test_a_place_that_cannot_be_written_to_is_an_error_with_a_hint(tmp_path: Path, option: str) -> None:
    path = meter(tmp_path / "meter.csv", days=1)
    with pytest.raises(ConfigError, match=r"meter\.csv"):
        called("replay", path, SIMPLE, f"--report={tmp_path / 'r.html'}", f"{option}={path / 'below'}")


def test_the_default_detector_walks_the_whole_way(tmp_path: Path) -> None:
    said = called("replay", meter(tmp_path / "m.csv"), LEARNING, "--json", f"--report={tmp_path / 'report.html'}")
    assert said.json["watched_device_weeks"] > 0
