"""`kilowatch rehearse`: alarms a week at each sensitivity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from cli.homes import LEARNING, SIMPLE, called, meter
from kilowatch.app.rehearsal import RATES
from kilowatch.core.outputs import RehearseOutput
from kilowatch.errors import DetectorError
from links.tables import write

if TYPE_CHECKING:
    from pathlib import Path


def test_json_is_one_object_with_a_row_for_each_rate(tmp_path: Path) -> None:
    said = called("rehearse", meter(tmp_path / "meter.csv"), SIMPLE, LEARNING, "--json")
    assert said.code == 0
    assert list(said.json) == ["schema", "version", "devices", "watched_device_weeks", "sensitivities"]
    output = msgspec.convert(said.json, RehearseOutput)
    assert output.devices == 1
    assert [row.requested_per_device_week for row in output.sensitivities] == list(RATES)
    for row in output.sensitivities:
        assert row.alarms_per_device_week == pytest.approx(row.incidents / output.watched_device_weeks, rel=1e-3)


def test_asking_for_more_brings_no_fewer(tmp_path: Path) -> None:
    said = called("rehearse", meter(tmp_path / "meter.csv"), SIMPLE, LEARNING, "--json")
    incidents = [row["incidents"] for row in said.json["sensitivities"]]
    assert incidents == sorted(incidents)
    assert incidents[-1] >= 1


def test_people_read_a_table_and_what_to_do_with_it(tmp_path: Path) -> None:
    said = called("rehearse", meter(tmp_path / "meter.csv"), SIMPLE, LEARNING)
    assert "0.3 device-weeks watched on 1 device." in said.out
    assert "--alarms-per-week" in said.out
    assert not (tmp_path / "report.html").exists()


def test_too_short_a_history_has_no_rates(tmp_path: Path) -> None:
    path = meter(tmp_path / "meter.csv", days=1)
    said = called("rehearse", path, SIMPLE, LEARNING, "--json")
    assert {row["alarms_per_device_week"] for row in said.json["sensitivities"]} == {None}
    assert "--learning-days" in called("rehearse", path, SIMPLE, LEARNING).out


def test_a_file_that_cannot_be_read_is_left_out_with_its_reason(tmp_path: Path) -> None:
    meter(tmp_path / "home" / "meter.csv", days=1)
    write(tmp_path / "home" / "notes.csv", "dear diary\n")
    said = called("rehearse", tmp_path / "home", SIMPLE, "--json")
    assert said.json["devices"] == 1
    assert "notes.csv" in said.err


def test_an_unknown_detector_is_refused() -> None:
    with pytest.raises(DetectorError):
        called("rehearse", "nothing.csv", "--detector=crystal_ball")
