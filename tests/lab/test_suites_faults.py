"""Labelled appliance days: what is refused, what is learnt from, and what counts as found."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from kilowatch.detectors.duty_cycle import DutyCycle
from kilowatch.errors import ReadingError
from kilowatch.lab.measure import IncidentTimes
from kilowatch.lab.suites import faults
from kilowatch.lab.suites.contenders import Contender
from kilowatch.lab.suites.exhibits import What
from kilowatch.lab.suites.fault_days import WEEK_MS, Appliance, Day, FaultDay, appliances, in_sequence
from kilowatch.lab.suites.faults import FaultTask, record_of, run_faults
from kilowatch.lab.suites.walk import REQUESTED
from lab import made_data
from lab.made_traces import DAY_MS, HOUR_MS, START_MS

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.core.samples import Series


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KILOWATCH_DATA", str(tmp_path))
    return tmp_path


def rewrite(file: Path, **columns: Any) -> None:
    table = parquet.read_table(file)
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    parquet.write_table(table, file)


def test_days_and_faults_are_read(root: Path) -> None:
    made_data.appliances(root)
    (one,) = appliances()
    assert one.device == "fridge_9"
    assert [day.day for day in one.normal] == list(range(1, made_data.DAYS + 1))
    assert {(day.day, day.fault) for day in one.faulty} == {
        (day, fault) for day in range(1, made_data.DAYS + 1) for fault in ("early", "late")
    }
    assert {int(day.label.sum()) for day in one.faulty} == {made_data.FAULTY_RUN - 20}
    assert one.refused == ()


def test_a_faulty_day_whose_labels_do_not_fit_is_refused_with_the_reason(root: Path) -> None:
    folder = made_data.appliances(root)
    table = parquet.read_table(folder / "labelled.parquet")
    label = np.array(table["label"]).copy()
    first = table["day"].to_numpy() == 1
    label[first] = np.roll(label[first], 700)
    rewrite(folder / "labelled.parquet", label=label)
    (one,) = appliances()
    assert len(one.faulty) == 2 * (made_data.DAYS - 1)
    assert len(one.refused) == 2
    assert "fridge_9, early, day 1" in one.refused[0]
    assert "do not fit" in one.refused[0]


def test_labels_other_than_0_and_1_are_refused(root: Path) -> None:
    folder = made_data.appliances(root)
    size = parquet.read_metadata(folder / "labelled.parquet").num_rows
    rewrite(folder / "labelled.parquet", label=np.full(size, 2, dtype=np.int8))
    with pytest.raises(ReadingError, match="labels other than 0 and 1"):
        appliances()


def test_a_file_with_other_columns_is_refused(root: Path) -> None:
    folder = made_data.appliances(root)
    parquet.write_table(pa.table({"value": [1.0]}), folder / "more.parquet")
    with pytest.raises(ReadingError, match=r"more\.parquet has the columns value"):
        appliances()


def test_without_normal_days_nothing_can_be_measured(root: Path) -> None:
    folder = made_data.appliances(root)
    (folder / "normal.parquet").unlink()
    with pytest.raises(ReadingError, match="its normal day is missing"):
        appliances()


def test_a_reading_that_steps_back_in_time_is_dropped(root: Path) -> None:
    folder = made_data.appliances(root)
    stamps = parquet.read_table(folder / "normal.parquet")["timestamp"].to_numpy().astype("datetime64[ms]")
    stamps[1439] = stamps[100]
    rewrite(folder / "normal.parquet", timestamp=stamps)
    (one,) = appliances()
    assert len(one.normal[0].ts_ms) == 1439
    assert len(one.normal[1].ts_ms) == 1440


def day_at(start_ms: int, minutes: int = 1440) -> Day:
    ts_ms = start_ms + 60_000 * np.arange(minutes)
    return Day("fridge_9", 1, ts_ms, np.zeros(minutes))


def test_days_follow_each_other_at_their_own_hour_and_weekday() -> None:
    days = [day_at(START_MS + shift) for shift in (5 * DAY_MS + 3 * HOUR_MS, 0, 40 * DAY_MS, 2 * HOUR_MS)]
    placed = in_sequence(days, START_MS)
    for before, after in zip(days, placed, strict=True):
        assert (after.ts_ms[0] - before.ts_ms[0]) % WEEK_MS == 0
    for first, second in pairwise(placed):
        assert HOUR_MS <= second.ts_ms[0] - first.end_ms < WEEK_MS + HOUR_MS


def test_days_may_follow_each_other_daily() -> None:
    placed = in_sequence([day_at(START_MS + HOUR_MS), day_at(START_MS)], START_MS, DAY_MS)
    assert [(int(day.ts_ms[0]) - START_MS) % DAY_MS for day in placed] == [HOUR_MS, 0]
    assert placed[1].ts_ms[0] - placed[0].end_ms <= DAY_MS


class Learner(DutyCycle):
    """Remembers what it was taught."""

    taught: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []  # noqa: RUF012 - shared on purpose

    def fit(self, slot: int, history: Series) -> None:
        super().fit(slot, history)
        self.taught.append(history.ts_ms)

    def clone(self) -> Learner:
        return Learner()


def only_appliance(root: Path, **how: Any) -> Appliance:
    made_data.appliances(root, **how)
    return appliances()[0]


def test_no_hour_of_the_tested_day_is_learnt_from(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appliance = only_appliance(root)
    twin = replace(appliance.normal[2], day=99, ts_ms=appliance.normal[2].ts_ms + 6 * HOUR_MS)
    appliance = replace(appliance, normal=(*appliance.normal, twin))
    monkeypatch.setattr(Contender, "create", lambda _: Learner())
    Learner.taught.clear()
    courses: list[list[Day]] = []

    def spy(days: list[Day], after_ms: int) -> list[Day]:
        courses.append(days)
        return in_sequence(days, after_ms)

    monkeypatch.setattr(faults, "in_sequence", spy)
    run_faults(FaultTask(appliance, Contender("learner"), (3,)))
    assert [day.day for day in courses[0]] == [1, 2, 4, 5, 6]
    assert all(len(np.unique(ts_ms // DAY_MS)) <= 10 for ts_ms in Learner.taught)
    tested_ms = in_sequence([appliance.normal[2]], max(int(ts_ms[-1]) for ts_ms in Learner.taught))[0].ts_ms
    assert all((ts_ms < tested_ms[0]).all() for ts_ms in Learner.taught)


def test_long_runs_are_found_on_the_right_days(root: Path) -> None:
    appliance = only_appliance(root)
    (found,) = run_faults(FaultTask(appliance, Contender("duty_cycle"), tuple(range(1, made_data.DAYS + 1))))
    at = found.at[REQUESTED]
    assert len(found.rankings) == 2
    assert {target.level for target in found.targets} == {"early", "late"}
    assert len(found.targets) == len(at.found.found) == 2 * made_data.DAYS
    assert min(ranking.vus_pr for ranking in found.rankings) > 0.5
    assert at.days.mean() > 0.9
    assert at.standing.recall.value > 0.9
    assert 0 < at.found.delay_median_s <= 25 * 60
    assert at.clean.weeks == pytest.approx(made_data.DAYS / 7)
    assert at.clean.count <= 1


def test_what_the_normal_day_alarms_for_as_well_finds_nothing() -> None:
    """Day 3 has a long run of its own, just after a fault too short to be noticed."""
    normal = [Day("fridge_9", n, made_data.stamps_of(n, 1440), made_data.day_of_runs(n)) for n in range(1, 7)]
    normal[2].power_w[15 * 60 + 30 : 16 * 60] = 90.0
    at = 15 * 60 + 20
    watts = np.insert(normal[2].power_w, at, [90.0, 90.0])
    label = np.zeros(len(watts), dtype=np.bool_)
    label[at : at + 2] = True
    odd = FaultDay("fridge_9", 3, made_data.stamps_of(3, len(watts)), watts, "minor", label)
    (found,) = run_faults(FaultTask(Appliance("fridge_9", tuple(normal), (odd,), ()), Contender("duty_cycle"), (3,)))
    at_rate = found.at[REQUESTED]
    assert at_rate.clean.count == 1
    assert not at_rate.days.any()
    assert not at_rate.standing.found.any()
    assert not at_rate.found.found.any()


def test_chance_finds_next_to_nothing(root: Path) -> None:
    appliance = only_appliance(root)
    (found,) = run_faults(FaultTask(appliance, Contender("random", 3), (2, 4)))
    base_rate = found.rankings[0].base_rate
    assert found.rankings[0].vus_pr < 6 * base_rate
    assert found.at[REQUESTED].days.mean() <= 0.5
    assert found.seed == 3


def test_the_longest_miss_is_shown(root: Path) -> None:
    appliance = only_appliance(root)
    (found,) = run_faults(FaultTask(appliance, Contender("constant"), (2,)))
    missed = [exhibit for exhibit in found.exhibits if exhibit.what is What.MISS]
    assert len(missed) == 2
    assert missed[0].weight == (made_data.FAULTY_RUN - 20) * 60_000
    assert missed[0].start_ms < missed[0].end_ms
    assert (np.diff(missed[0].local_ms) > 0).all()


def test_incidents_of_the_normal_day_move_with_the_minutes_put_in(root: Path) -> None:
    appliance = only_appliance(root)
    normal, faulty = appliance.normal[0], appliance.faulty[0]
    at = int(np.argmax(faulty.label))
    times = normal.ts_ms[[at - 30, at + 30]]
    moved = faults._on_clock_of(faulty, normal, IncidentTimes.of(times, times, times + 60_000))
    assert moved.open_ms.tolist() == [times[0], times[1] + (made_data.FAULTY_RUN - 20) * 60_000]


def test_kinds_come_from_names() -> None:
    assert record_of("fridge_1").kind == "fridge"
    assert record_of("water_heater_1").kind == "water_heater"
    assert record_of("fridge_1").grid_s == 60.0
