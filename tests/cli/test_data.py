from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from kilowatch.cli.data import app
from kilowatch.errors import ReadingError
from links.tables import csv_lines, real, write

if TYPE_CHECKING:
    from pathlib import Path


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def run_json(*words: object) -> tuple[int, dict[str, Any]]:
    code, out = run(*words, "--json")
    return code, json.loads(out)


def home(tmp_path: Path) -> Path:
    write(tmp_path / "home" / "fridge.csv", csv_lines(200))
    write(tmp_path / "home" / "tv.csv", csv_lines(100, step_s=10))
    return tmp_path / "home"


def test_list_names_the_devices(tmp_path: Path) -> None:
    code, out = run("list", home(tmp_path))
    assert code == 0
    assert "fridge" in out
    assert "power power_w in W" in out
    code, report = run_json("list", home(tmp_path))
    assert report["schema"] == "kilowatch.data.list/1"
    devices = [device for source in report["sources"] for device in source["devices"]]
    assert [(d["device"], d["kind"], d["interval_s"]) for d in devices] == [
        ("fridge", "fridge", 30.0),
        ("tv", "tv", 10.0),
    ]


def test_options_reach_the_reader(tmp_path: Path) -> None:
    _, report = run_json(
        "list", home(tmp_path) / "tv.csv", "--kind", "lamp", "--site", "lab", "--interval", "5", "--unit", "kW",
        "--time-zone", "Asia/Tokyo", "--power-column", "2", "--format", "csv",
    )  # fmt: skip
    (source,) = report["sources"]
    (device,) = source["devices"]
    assert (device["kind"], device["site"], device["interval_s"], device["time_zone"]) == (
        "lamp",
        "lab",
        5.0,
        "Asia/Tokyo",
    )
    assert "power power_w in kW" in source["reading_kind"]


def test_check_passes_sound_files(tmp_path: Path) -> None:
    code, out = run("check", home(tmp_path))
    assert code == 0
    assert "Everything holds." in out
    code, report = run_json("check", home(tmp_path))
    assert (code, report["holds"], report["failures"]) == (0, True, [])


def test_check_fails_on_gaps_bad_rows_and_bad_files(tmp_path: Path) -> None:
    lines = csv_lines(200)
    lines[20] = "1717200570,five"
    del lines[100:150]
    folder = home(tmp_path)
    write(folder / "fridge.csv", lines)
    write(folder / "empty.csv", "")
    code, report = run_json("check", folder)
    assert (code, report["holds"]) == (1, False)
    assert [failed["message"] for failed in report["failures"]] == ["The file is empty."]
    found = {f["rule"]: f["count"] for source in report["sources"] for f in source.get("findings", [])}
    assert found == {"unreadable": 1, "breaks": 1}
    (problem,) = [problem for source in report["sources"] for problem in source.get("problems", [])]
    assert (problem["row"], problem["reason"]) == (21, "The power is not a number.")
    code, out = run("check", folder)
    assert code == 1
    assert "fridge.csv, row 21: The power is not a number." in out
    assert "The file is empty." in out


def test_describe_counts(tmp_path: Path) -> None:
    code, out = run("describe", home(tmp_path))
    assert code == 0
    assert "2024-06-01 00:00" in out
    assert re.search("^Site .* Median W ", out, re.MULTILINE), "wider than a terminal, and whole"
    _, report = run_json("describe", home(tmp_path))
    assert report["schema"] == "kilowatch.data.describe/1"
    (fridge, tv) = [d for source in report["sources"] for d in source["descriptions"]]
    assert (fridge["rows"], fridge["interval_s"], fridge["gaps"]) == (200, 30.0, 0)
    assert (tv["rows"], tv["power_max_w"], tv["reporting"]) == (100, 96.6, "periodic")


def test_nothing_useful_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "")
    for command in ("list", "check", "describe"):
        with pytest.raises(ReadingError, match="The file is empty"):
            run(command, tmp_path)


def test_wrong_words_are_wrong_usage(tmp_path: Path) -> None:
    assert run("list", home(tmp_path), "--format", "xml")[0] == 2
    assert run("list")[0] == 2


@pytest.mark.data
def test_check_of_real_files_tells_misread_clocks() -> None:
    code, report = run_json("check", real("combed/academic_block_lifts_0.parquet"))
    assert (code, report["holds"]) == (0, True)
    code, report = run_json("check", real("uci_household"))
    assert code == 1
    rules = {finding["rule"] for source in report["sources"] for finding in source["findings"]}
    assert rules == {"doubtful", "breaks", "backward", "missing"}
