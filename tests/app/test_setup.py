"""From files to a replay: who is in the fleet, and in which order their readings come."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kilowatch.app.feed import BATCH_ROWS
from kilowatch.app.pipeline import PipelineSettings
from kilowatch.app.replay import ReplayOutcome, replay
from kilowatch.app.setup import FileReplay, look_back, replay_of
from kilowatch.core.learning import LearningPlan
from kilowatch.core.reading import ReadingBatch
from kilowatch.detectors.hour_of_week import HourOfWeek
from kilowatch.links.files import ReadOptions, open_sources
from links.tables import START_MS, csv_lines, write

if TYPE_CHECKING:
    from pathlib import Path

HOUR_MS = 3_600_000
PLAN = LearningPlan(learning_days=2)


def run_of(*paths: Path) -> FileReplay:
    sources = open_sources(list(paths), ReadOptions()).sources
    return replay_of(sources, HourOfWeek(), PipelineSettings(plan=PLAN))


def lines_of(*devices: str, rows: int = 600, step_s: int = 30) -> list[list[str]]:
    """Rows of each device, at the same times."""
    return [
        [f"{START_MS // 1000 + step_s * row},{device},{20 + row % 7}" for row in range(rows)]
        for device in devices
    ]  # fmt: skip


def whole(run: FileReplay) -> ReadingBatch:
    return ReadingBatch.join(list(run.batches()))


def outcome_of(run: FileReplay) -> ReplayOutcome:
    return replay(run.pipeline, run.batches(), lambda _batch, _result: None)


def test_every_device_of_every_file_joins_the_fleet_once(tmp_path: Path) -> None:
    write(tmp_path / "a" / "fridge.csv", csv_lines(50))
    write(tmp_path / "a" / "tv.csv", csv_lines(50))
    fridge, tv = lines_of("fridge", "lamp", rows=50)
    write(tmp_path / "long.csv", ["timestamp,device,power_w", *fridge, *tv])
    fleet = run_of(tmp_path / "a", tmp_path / "long.csv").pipeline.fleet
    names = [(record.site, record.device) for record in fleet.records]
    assert len(set(names)) == len(names)
    assert {device for _, device in names} == {"fridge", "tv", "lamp"}


def test_what_is_read_is_what_lies_in_the_files_in_time_order(tmp_path: Path) -> None:
    write(tmp_path / "home" / "fridge.csv", csv_lines(3000))
    write(tmp_path / "home" / "tv.csv", csv_lines(500, start_ms=START_MS + 5 * HOUR_MS))
    run = run_of(tmp_path / "home")
    batches = list(run.batches())
    assert sum(map(len, batches)) == 3500
    assert all(int(later.ts_ms.min()) >= int(batch.ts_ms.max()) for batch, later in itertools.pairwise(batches))


@pytest.mark.parametrize("devices", [2, 5])
def test_a_file_that_lists_one_device_after_another_is_read_in_time_order(tmp_path: Path, devices: int) -> None:
    names = [f"plug{number}" for number in range(devices)]
    columns = lines_of(*names, rows=2 * BATCH_ROWS // devices)
    write(tmp_path / "grouped.csv", ["timestamp,device,power_w", *(line for lines in columns for line in lines)])
    run = run_of(tmp_path / "grouped.csv")
    assert sorted(record.device for record in run.pipeline.fleet.records) == names
    batches = list(run.batches())
    assert len(batches) > 1
    assert all(int(later.ts_ms.min()) >= int(batch.ts_ms.max()) for batch, later in itertools.pairwise(batches))
    assert np.bincount(whole(run).slot).tolist() == [2 * BATCH_ROWS // devices] * devices


def test_one_unset_clock_does_not_make_a_file_look_grouped(tmp_path: Path) -> None:
    fridge, tv = lines_of("fridge", "tv", rows=3000)
    lines = [line for pair in zip(fridge, tv, strict=True) for line in pair]
    lines.insert(10, "4102444800,fridge,20")
    write(tmp_path / "long.csv", ["timestamp,device,power_w", *lines])
    run = run_of(tmp_path / "long.csv")
    assert len(whole(run)) == 6001
    assert outcome_of(run).output().rejected == 1


@pytest.mark.parametrize("stray_s", ["4102444800", "2086000000", "1767571200", "1000"])
def test_one_clock_astray_changes_nothing_that_is_said_of_the_home(tmp_path: Path, stray_s: str) -> None:
    (tmp_path / "sound").mkdir()
    (tmp_path / "astray").mkdir()
    for folder in ("sound", "astray"):
        write(tmp_path / folder / "tv.csv", csv_lines(3 * 2880))
        lines = csv_lines(3 * 2880)
        if folder == "astray":
            lines.insert(2 * 2880, f"{stray_s},40")
        write(tmp_path / folder / "lamp.csv", lines)
    sound, astray = (outcome_of(run_of(tmp_path / folder)) for folder in ("sound", "astray"))
    assert [entry.told for entry in astray.incidents] == [entry.told for entry in sound.incidents]
    assert astray.tally.watched_ms.tolist() == pytest.approx(sound.tally.watched_ms.tolist(), abs=60_000)


def test_looking_back_learns_first_and_is_watched_from_the_start(tmp_path: Path) -> None:
    write(tmp_path / "meter.csv", csv_lines(3 * 2880))
    causal, looked = run_of(tmp_path / "meter.csv"), run_of(tmp_path / "meter.csv")
    look_back(looked)
    first, second = outcome_of(causal).output(), outcome_of(looked).output()
    assert first.readings == second.readings == 3 * 2880
    assert first.watched_device_weeks == pytest.approx(1 / 7, rel=0.02)
    assert second.watched_device_weeks == pytest.approx(3 / 7, rel=0.02)


def test_looking_back_leaves_too_short_a_history_unwatched(tmp_path: Path) -> None:
    write(tmp_path / "meter.csv", csv_lines(1000))
    run = run_of(tmp_path / "meter.csv")
    look_back(run)
    assert outcome_of(run).output().watched_device_weeks == 0
    assert np.isnan(run.pipeline.judge.thresholds.levels(np.array([0]))[0])
