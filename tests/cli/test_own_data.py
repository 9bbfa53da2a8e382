"""`kilowatch import`: what was understood is shown first, and nobody's guess is taken unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.homes import DAYS, called, meter, run
from kilowatch.errors import ConfigError, ReadingError
from links.tables import write

if TYPE_CHECKING:
    from pathlib import Path


def test_it_shows_the_guess_and_five_rows_and_then_replays(tmp_path: Path) -> None:
    said = called("import", "--yes", meter(tmp_path / "meter.csv"), f"--report={tmp_path / 'report.html'}", width=160)
    assert said.code == 0
    assert "power power_w in W" in said.out
    assert "every 60 s" in said.out
    assert said.out.count(" W ") >= 5
    assert f"{DAYS * 1440:,} readings of 1 device" in said.out
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_kilowatts_with_a_decimal_comma_are_shown_as_watts(tmp_path: Path) -> None:
    rows = [f"{day:02d}.01.2026 {hour:02d}:00;1,25" for day in range(13, 16) for hour in range(24)]
    path = write(tmp_path / "meter.csv", ["wann;Leistung (kW)", *rows])
    said = called("import", "--yes", path, "--time-zone=Europe/Berlin", f"--report={tmp_path / 'r.html'}", width=160)
    assert "1,250.0 W" in said.out
    assert "Tue 2026-01-13 00:00:00 CET" in said.out


def test_without_a_person_it_takes_nothing_for_granted(tmp_path: Path) -> None:
    said = run("import", meter(tmp_path / "meter.csv"), cwd=tmp_path)
    assert said.code == 2
    assert "--yes" in said.err
    assert not (tmp_path / "report.html").exists()


def test_json_is_one_object(tmp_path: Path) -> None:
    said = called("import", "--yes", "--json", meter(tmp_path / "meter.csv"), f"--report={tmp_path / 'report.html'}")
    assert said.json["readings"] == DAYS * 1440
    with pytest.raises(ConfigError):
        called("import", "--json", meter(tmp_path / "meter.csv"))


def test_what_cannot_be_read_is_an_error_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "photo.csv").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(ReadingError):
        called("import", "--yes", tmp_path / "photo.csv")
