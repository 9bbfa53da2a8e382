"""The networks as further rows: one for each that ships, and none measured twice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import pytest

from kilowatch.core.outputs_evaluate import EvaluateOutput, EvaluateRow
from kilowatch.errors import ModelError
from kilowatch.lab.measure.intervals import Interval
from kilowatch.lab.suites import networks
from kilowatch.lab.suites.evaluate import Evaluation
from kilowatch.lab.suites.prepare import Options, Suite
from kilowatch.lab.suites.rows import bounds
from kilowatch.nets import shipped

if TYPE_CHECKING:
    from pathlib import Path

OUTPUT = EvaluateOutput(
    suite="faults",
    quick=True,
    machine="a machine",
    seconds=1.0,
    seeds=(0,),
    base_rate=0.1,
    devices=2,
    protocol=[],
    notes=[],
    rows=[EvaluateRow(detector="default", vus_pr=0.6)],
    family_rows=[],
    breakdown=[],
    comparisons=[],
    goals=[],
)


def rows() -> list[str]:
    return [*shipped.names(), "default+fridge-forecaster"]


def quiet(done: int, total: int) -> None:
    assert done <= total


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def run(suite: Suite, options: Options, report: object) -> Evaluation:
        asked.extend(options.detectors)
        row = EvaluateRow(detector=options.detectors[0], vus_pr=0.2)
        return Evaluation(msgspec.structs.replace(OUTPUT, suite=suite.value, rows=[row]), {})

    monkeypatch.setattr(networks, "evaluate", run)
    return asked


def test_each_that_ships_gets_a_row_and_none_is_measured_twice(tmp_path: Path, ran: list[str]) -> None:
    for _ in range(2):
        done = networks.with_networks(Evaluation(OUTPUT, {}), Suite.FAULTS, Options(quick=True), tmp_path, quiet)
        assert [row.detector for row in done.output.rows] == ["default", *rows()]
        assert done.output.notes == [networks.NOTE]
    assert len(ran) == len(rows()) > 1


def test_another_suite_and_a_full_run_are_measured_for_themselves(tmp_path: Path, ran: list[str]) -> None:
    for suite, quick in ((Suite.FAULTS, True), (Suite.FAULTS, False), (Suite.NAB, True)):
        networks.with_networks(Evaluation(OUTPUT, {}), suite, Options(quick=quick), tmp_path, quiet)
    assert len(ran) == 3 * len(rows())


def test_without_any_it_is_said_how_to_make_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "names", list)
    with pytest.raises(ModelError, match="No network ships"):
        networks.with_networks(Evaluation(OUTPUT, {}), Suite.FAULTS, Options(), tmp_path, quiet)


@pytest.mark.parametrize(("interval", "kept"), [((0.0, 1.23456), (0.0, 1.2346)), ((0.0, math.inf), None)])
def test_a_row_is_read_again_as_it_was_kept_also_where_nothing_bounds_a_rate(
    interval: tuple[float, float], kept: tuple[float, float] | None
) -> None:
    row = EvaluateRow(detector="default", achieved_over_requested_interval=bounds(Interval(*interval)))
    again = msgspec.json.decode(msgspec.json.encode(row), type=EvaluateRow)
    assert again.achieved_over_requested_interval == kept
