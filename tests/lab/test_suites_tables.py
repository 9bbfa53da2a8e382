"""From findings to rows, goals, pages, pictures and the document."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from kilowatch.core.outputs_evaluate import EvaluateOutput, EvaluateRow, OperatingPoint
from kilowatch.detectors.registry import DetectorName
from kilowatch.errors import DetectorError, KilowatchError
from kilowatch.lab.accuracy import Chapter, commit, document
from kilowatch.lab.measure import Detection, OpenTime, Rate
from kilowatch.lab.suites.breakdown import by_target, compared
from kilowatch.lab.suites.contenders import CHANCE_SEEDS, contenders, one_chance_each
from kilowatch.lab.suites.evaluate import Evaluation, published_rows
from kilowatch.lab.suites.exhibits import Exhibit, What
from kilowatch.lab.suites.findings import RECALLS, AtRate, Findings, Ranking, Target
from kilowatch.lab.suites.gallery import SHOWN, hang
from kilowatch.lab.suites.goals import goals_of
from kilowatch.lab.suites.nab import AFTER_TRAINING
from kilowatch.lab.suites.networks import NOTE
from kilowatch.lab.suites.page import write_page
from kilowatch.lab.suites.pool import run_all
from kilowatch.lab.suites.prepare import Suite
from kilowatch.lab.suites.rows import Summary, operating_rate, row_of
from kilowatch.lab.suites.svg import picture
from kilowatch.lab.suites.table import cells_of, columns_of
from kilowatch.lab.suites.walk import CURVE, LADDER

if TYPE_CHECKING:
    from pathlib import Path

DAY_MS = 86_400_000


def ranking(series: str, pr: float) -> Ranking:
    return Ranking(series, pr, 0.8, 0.5, 0.1, np.full(len(RECALLS), pr))


def detection(found: list[bool], delay_s: float = 60.0) -> Detection:
    return Detection(np.array(found), np.where(found, delay_s, np.nan))


def findings(
    detector: str, device: str, found: list[bool], alarms: dict[float, int] | None = None, pr: float = 0.5
) -> Findings:
    """Two weeks watched; alarms by rate, as many as were asked for where not given."""
    counts = alarms or {rate: round(2 * rate) for rate in CURVE}
    at = {
        rate: AtRate(
            Rate(counts.get(rate, 0), 2.0),
            OpenTime(DAY_MS, 14 * DAY_MS),
            detection(found),
            detection([True] * len(found)),
            np.array([True, False]),
        )
        for rate in CURVE
    }
    targets = tuple(Target("h1", f"{k % 2}", f"{device} {k % 2}") for k in range(len(found)))
    return Findings(detector, device, 0, (ranking(f"{device} 0", pr),), at, targets, invisible=1, drifted=Rate(3, 2.0))


def test_a_device_that_cannot_be_learnt_was_asked_for_no_alarms() -> None:
    heard = findings("one", "a", [True], {1.0: 2})
    mute = replace(findings("one", "b", [False], {1.0: 0}), speaks=False)
    row = row_of([heard, mute], Summary())
    assert row.achieved_over_requested == 1.0
    assert row.false_alarms_per_device_week == 0.5
    assert row.event_recall == 0.5


def test_a_row_pools_devices() -> None:
    row = row_of([findings("one", "a", [True, True]), findings("one", "b", [False, True])], Summary())
    assert row.event_recall == 0.75
    assert row.events == 4
    assert row.event_recall_interval is not None
    assert row.event_recall_interval[0] < 0.75 < row.event_recall_interval[1]
    assert row.false_alarms_per_device_week == 1.0
    assert row.requested_per_device_week == 1.0
    assert row.achieved_over_requested == 1.0
    assert row.achieved_after_drift == 1.5
    assert row.incident_open_share == pytest.approx(1 / 14, abs=1e-4)
    assert row.delay_median_s == 60.0
    assert [point.requested_per_device_week for point in row.curve] == list(CURVE)


def test_a_noisy_detector_goes_down_the_ladder() -> None:
    noisy = findings("one", "a", [True], {rate: 9 if rate > LADDER[3] else 2 for rate in CURVE})
    row = row_of([noisy], Summary())
    assert row.requested_per_device_week == LADDER[3]
    assert row.false_alarms_per_device_week == 1.0
    assert row.achieved_over_requested == 4.5


def test_where_every_rate_is_noisy_the_last_is_told() -> None:
    points = [point_at(rate, 5.0) for rate in CURVE]
    assert operating_rate(points) == LADDER[-1]


def point_at(rate: float, alarms: float) -> OperatingPoint:
    return OperatingPoint(
        requested_per_device_week=rate,
        false_alarms=round(alarms),
        device_weeks=1.0,
        false_alarms_per_device_week=alarms,
        incident_open_share=None,
        event_recall=None,
        faulty_days_found=None,
        delay_median_s=None,
        delay_p95_s=None,
    )


def test_recall_may_be_the_mean_over_series_and_of_standing_incidents() -> None:
    one = findings("one", "a", [True, False, True, False, True, False])
    assert row_of([one], Summary()).event_recall == 0.5
    uneven = replace(one, targets=(*one.targets[:5], Target("h1", "2", "alone")))
    assert row_of([uneven], Summary(over_series=True)).event_recall == pytest.approx(1 / 3, abs=1e-4)
    assert row_of([one], Summary(standing=True)).event_recall == 1.0


def test_what_comes_after_training_is_told_apart() -> None:
    one = Findings("one", "s", 0, (ranking("s", 0.4), ranking(AFTER_TRAINING, 0.6)), {})
    row = row_of([one], Summary())
    assert (row.vus_pr, row.vus_pr_after_training) == (0.4, 0.6)
    assert row.event_recall is None
    assert row.curve == ()


def test_breakdown_tells_each_kind_and_level() -> None:
    lines = by_target([findings("one", "a", [True, False, True, False])], 1.0, Summary())
    assert [(line.group, line.level, line.events, line.event_recall) for line in lines] == [
        ("h1", "0", 2, 1.0),
        ("h1", "1", 2, 0.0),
    ]
    assert lines[1].delay_median_s is None


def test_detectors_are_compared_on_the_same_series() -> None:
    ours = [findings("default", name, [True, True], pr=0.6) for name in "abc"]
    theirs = [findings("other", name, [True, False], pr=0.5) for name in "abc"]
    vus, recall = compared(ours, theirs, (1.0, 1.0), Summary())
    assert (vus.measure, vus.wins, vus.of) == ("vus_pr", 3, 3)
    assert vus.difference == pytest.approx(0.1)
    assert recall.measure == "event_recall"
    assert recall.difference == pytest.approx(0.5)
    assert compared(ours, theirs[:2], (1.0, 1.0), Summary()) == []


def test_published_rows_are_the_best_the_named_and_the_oracle() -> None:
    figures = {"s": {"Best": 0.5, "AutoEncoder": 0.1}, "t": {"Best": 0.4, "AutoEncoder": 0.6, "Other": 0.9}}
    rows = published_rows(figures)
    assert [row.detector for row in rows] == [
        "Best (published)",
        "AutoEncoder (published)",
        "oracle of 2 published",
    ]
    assert [row.vus_pr for row in rows] == [0.45, 0.35, 0.7]
    assert published_rows({}) == []


def test_goals_are_judged_on_the_default() -> None:
    own = EvaluateRow(detector="default", vus_pr=0.55, faulty_days_found=0.8)
    rows = [own, EvaluateRow(detector="fleet", vus_pr=1.0)]
    assert [goal.reached for goal in goals_of(Suite.FAULTS, rows)] == ["must", "goal"]
    assert goals_of(Suite.FAULTS, rows[1:]) == []
    assert {goal.reached for goal in goals_of(Suite.INJECTED, [EvaluateRow(detector="default")])} == {"not measured"}


def test_goals_of_injections_are_for_meters() -> None:
    rows = [EvaluateRow(detector="default", event_recall=0.9, achieved_over_requested=1.0)]
    meters = [EvaluateRow(detector="default", family="combed", event_recall=0.5, achieved_over_requested=0.6)]
    goals = {goal.measure.split(":")[0]: goal for goal in goals_of(Suite.INJECTED, rows, meters)}
    assert list(goals) == ["30 s meters"]
    assert goals_of(Suite.INJECTED, rows, meters)[0].reached == "missed"
    assert goals_of(Suite.INJECTED, rows, meters)[2].reached == "must"
    assert goals_of(Suite.INJECTED, rows)[0].reached == "goal"


def test_never_switching_is_no_answer() -> None:
    idle = EvaluateRow(detector="default", false_offs_per_device_year=0.0, off_recall=0.1)
    assert [goal.reached for goal in goals_of(Suite.SWITCH_OFF, [idle])] == ["missed", "goal"]
    good = msgspec.structs.replace(idle, off_recall=0.6)
    assert [goal.reached for goal in goals_of(Suite.SWITCH_OFF, [good])] == ["goal", "goal"]
    often = msgspec.structs.replace(good, false_offs_per_device_year=1.5)
    assert [goal.reached for goal in goals_of(Suite.SWITCH_OFF, [often])] == ["goal", "missed"]


def test_the_literature_is_the_goal_where_it_is_there() -> None:
    rows = [EvaluateRow(detector="default", vus_pr=0.5), *published_rows({"s": {"Best": 0.4}, "t": {"Best": 0.4}})]
    assert [goal.reached for goal in goals_of(Suite.NAB, rows)] == ["goal"]
    assert goals_of(Suite.NAB, rows[:1]) == []


def test_all_detectors_and_the_floor_take_part() -> None:
    names = [one.name for one in contenders()]
    assert set(names) == {*DetectorName, "amplitude"}
    assert names[:2] == ["default", "fleet"]
    assert names.count("random") == len(CHANCE_SEEDS)
    assert [one.seed for one in one_chance_each(contenders(), 7) if one.name == "random"] == [CHANCE_SEEDS[2]]
    with pytest.raises(DetectorError):
        contenders(["nonsense"])


@pytest.mark.parametrize("workers", [1, 2])
def test_tasks_come_back_in_order(workers: int) -> None:
    seen: list[tuple[int, int]] = []
    tasks = [[9, 8], [1], [7, 6]]
    found = run_all(sorted, tasks, workers, lambda done, of: seen.append((done, of)))  # workers know no tests
    assert found == [8, 9, 1, 6, 7]
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_worker_that_dies_is_told_in_a_sentence() -> None:
    with pytest.raises(KilowatchError, match="ended from outside") as error:
        run_all(os._exit, [1, 1], 2, print)
    assert "--workers 1" in error.value.hint


def exhibit(what: What, title: str, weight: float) -> Exhibit:
    local_ms = np.arange(0, 12 * 3_600_000, 120_000)
    watts = np.linspace(0, 300, len(local_ms)).astype(np.float32)
    low = np.where(np.arange(len(local_ms)) < 10, np.nan, watts - 20).astype(np.float32)
    score = np.linspace(0, 9, len(local_ms)).astype(np.float32)
    return Exhibit(what, title, weight, local_ms, watts, low, low + 40, score, 3_600_000, 7_200_000)


def test_a_picture_is_well_formed_and_stays_in_its_frame() -> None:
    root = ET.fromstring(picture(exhibit(What.MISS, "a < b & c", 1.0)))  # noqa: S314 - made here
    assert "a < b & c" in "".join(root.itertext())
    for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
        points = np.array([point.split(",") for point in line.attrib["points"].split()], dtype=float)
        assert (points >= 0).all()
        assert points[:, 0].max() <= 760
        assert points[:, 1].max() <= 300


def output(suite: Suite = Suite.INJECTED, rows: list[EvaluateRow] | None = None, **fields: object) -> EvaluateOutput:
    given = {
        "suite": suite.value,
        "quick": False,
        "machine": "a machine",
        "seconds": 1.0,
        "seeds": (0, 1),
        "base_rate": 0.1,
        "devices": 2,
        "protocol": ["How it was done."],
        "notes": ["What was left out."],
        "rows": rows or [],
        "family_rows": [],
        "breakdown": [],
        "comparisons": [],
        "goals": [],
    }
    return EvaluateOutput(**(given | fields))  # type: ignore[arg-type]


def evaluation() -> Evaluation:
    own = [
        replace(findings("default", f"d{k}", [False, True]), exhibits=(exhibit(What.MISS, f"d{k}", float(k)),))
        for k in range(5)
    ]
    rows = [row_of(own, Summary())]
    lines, goals = by_target(own, 1.0, Summary()), goals_of(Suite.INJECTED, rows)
    return Evaluation(output(rows=rows, breakdown=lines, goals=goals), {"default": own})


def test_the_worst_are_shown_one_a_device(tmp_path: Path) -> None:
    (tmp_path / "injected-missed-9.svg").write_text("old", encoding="utf-8")
    hung = hang(evaluation(), tmp_path)
    assert [shown.title for shown, _ in hung] == ["d4", "d3", "d2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"injected-missed-{k}.svg" for k in range(1, SHOWN + 1)]


def test_the_document_holds_tables_goals_misses_and_pictures(tmp_path: Path) -> None:
    done = evaluation()
    text = document([Chapter(done.output, hang(done, tmp_path / "pictures"))], "abc123", tmp_path)
    assert "Commit abc123; a machine." in text
    assert "| injected | all devices: event recall" in text
    assert "**missed**" in text
    assert "- h1: found 0.50" not in text
    assert "How it was done." in text
    assert "](pictures/injected-missed-1.svg)" in text
    assert "quick" not in text
    for line in text.splitlines():
        if line.startswith("|---"):
            assert line.count("|") > 3


def test_a_kind_found_less_than_half_is_named_with_who_finds_more(tmp_path: Path) -> None:
    own = [findings("default", "d", [False, False, False, True])]
    other = [findings("bank", "d", [True, True, True, False])]
    lines = by_target(own, 1.0, Summary()) + by_target(other, 1.0, Summary())
    text = document([Chapter(output(breakdown=lines, quick=True), [])], "abc", tmp_path)
    assert "accuracy --out docs" in text
    beside = document([Chapter(output(breakdown=lines, notes=[NOTE]), [])], "abc", tmp_path)
    assert "accuracy --networks --out docs" in beside
    assert f"- {NOTE}" in beside
    assert "- h1: found 0.25; `bank` finds 0.75. Why: " in text
    assert "A quick run" in text


def test_the_commit_is_told() -> None:
    assert commit()


def test_the_page_needs_no_network(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "page.html"
    write_page(evaluation(), path)
    text = path.read_text(encoding="utf-8")
    assert "kilowatch evaluate injected" in text
    assert "Recall against false alarms per device-week" in text
    assert 'src="http' not in text


def test_empty_columns_are_left_out() -> None:
    table = output(Suite.NAB, [EvaluateRow(detector="one", vus_pr=0.5, vus_pr_interval=(0.4, 0.6))])
    columns = columns_of(table)
    assert [column.title for column in columns] == ["VUS-PR"]
    assert cells_of(table.rows[0], columns) == ["one", "0.500 [0.40, 0.60]"]
