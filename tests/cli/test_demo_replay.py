"""`kilowatch demo --replay`: a home lives through weeks in seconds, and the report tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from cli.homes import Said, called
from kilowatch.cli.demo_replay import _STORIES, scene
from kilowatch.core.outputs import ReplayOutput
from kilowatch.detectors.hour_of_week import HourOfWeek

if TYPE_CHECKING:
    from pathlib import Path

DAY_MS = 86_400_000
DAYS = 15


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def said(folder: Path) -> Said:
    """The demo with its quickest detector."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kilowatch.cli.demo_replay.create", lambda _: HourOfWeek())
        return called("demo", "--replay", f"--days={DAYS}", "--json", "--no-open", f"--report={folder / 'demo.html'}")


def test_json_is_one_object(said: Said) -> None:
    assert said.code == 0
    output = msgspec.convert(said.json, ReplayOutput)
    assert output.devices == len(scene(1, DAYS, faults=True).home.records())
    assert output.readings > 100_000
    assert output.watched_device_weeks == pytest.approx(output.devices / 7, rel=0.1)


def test_it_says_what_it_does_and_that_nothing_is_switched(said: Said) -> None:
    assert "Nothing is switched." in said.err
    assert "incidents over" in said.err


def test_the_report_tells_of_every_device(folder: Path, said: Said) -> None:
    report = (folder / "demo.html").read_text(encoding="utf-8")
    for record in scene(1, DAYS, faults=True).home.records():
        assert record.device.replace("_", " ") in report
    assert str(folder / "demo.html") in said.err.replace("\n", "")


def test_all_stories_fit_into_the_days_that_it_lives_by_itself() -> None:
    play = scene(1, 22, faults=True)
    assert len(play.faults) == len(_STORIES) == 6
    assert all(fault.end_ms is not None and fault.end_ms <= play.end_ms for fault in play.faults)


@pytest.mark.parametrize("days", [15, 17, 18, 22, 40])
def test_only_stories_that_leave_time_to_be_found_are_played(days: int) -> None:
    play = scene(1, days, faults=True)
    assert all(fault.start_ms + DAY_MS <= play.end_ms for fault in play.faults)
    assert len(play.faults) == sum(day + 2 <= days for _, _, day, _, _ in _STORIES)


def test_without_faults_nothing_goes_wrong() -> None:
    assert scene(1, 22, faults=False).faults == ()


def test_too_few_days_are_wrong_usage() -> None:
    assert called("demo", "--replay", "--days=3").code == 2
