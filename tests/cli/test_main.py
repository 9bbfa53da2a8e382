"""The command line as a whole: what to do next, exit codes, and errors without a traceback."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cli.homes import SIMPLE, called, meter, run
from links.tables import write

if TYPE_CHECKING:
    from pathlib import Path


def test_alone_it_shows_what_to_do_next() -> None:
    said = run()
    assert said.code == 0
    for command in ("demo", "replay", "rehearse", "data describe", "--help"):
        assert f"kilowatch {command}" in said.out
    assert all(line.startswith(("kilowatch ", "  kilowatch ")) for line in said.out.splitlines() if line), (
        "one is wrapped"
    )
    assert said.err == ""


def test_help_names_every_command() -> None:
    said = called("--help")
    assert said.code == 0
    for command in ("demo", "replay", "rehearse", "inject", "data", "bench"):
        assert re.search(rf"\b{command}\b", said.out)


def test_the_version_is_printed() -> None:
    assert re.fullmatch(r"kilowatch \d+\.\d+\.\d+\S*\n", called("--version").out)


@pytest.mark.parametrize("command", ["replay", "rehearse"])
def test_an_unknown_detector_exits_with_2_and_the_nearest_name(command: str, tmp_path: Path) -> None:
    said = run(command, "--detector=hour_of_weak", meter(tmp_path / "meter.csv", days=0.2), cwd=tmp_path)
    assert said.code == 2
    assert said.out == ""
    assert "hour_of_weak" in said.err
    assert "hour_of_week" in said.err
    assert "Traceback" not in said.err


def test_nothing_readable_exits_with_3_and_a_hint(tmp_path: Path) -> None:
    write(tmp_path / "notes.csv", "dear diary\n")
    said = run("replay", tmp_path / "notes.csv", "--json", cwd=tmp_path)
    assert said.code == 3
    assert said.out == ""
    assert "notes.csv" in said.err
    assert len(said.err.strip().splitlines()) >= 2
    assert "Traceback" not in said.err


def test_a_path_that_looks_like_markup_is_no_second_error(tmp_path: Path) -> None:
    said = run("replay", "[/bold]nowhere", cwd=tmp_path)
    assert said.code == 3
    assert "[/bold]nowhere" in said.err


def test_wrong_usage_exits_with_2() -> None:
    for words in (("replay",), ("replay", "--learning-days=0", "x"), ("fly",), ("demo", "--days=1")):
        assert called(*words).code == 2


def test_debug_shows_the_traceback_and_keeps_the_exit_code(tmp_path: Path) -> None:
    said = run("replay", "nowhere.csv", "--debug", cwd=tmp_path)
    assert said.code == 3
    assert "Traceback" in said.err
    assert "ReadingError" in said.err


def test_what_nobody_foresaw_is_one_sentence_with_a_way_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path / "sitecustomize.py", "import kilowatch.cli.replay as r\nr.open_sources = lambda *_: 1 / 0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said = run("replay", "x.csv", SIMPLE, cwd=tmp_path)
    assert said.code == 1
    assert "division by zero" in said.err
    assert "--debug" in said.err
    assert "Traceback" not in said.err
