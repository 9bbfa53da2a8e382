"""Grafana's dashboards: made by code, well formed, and asking only for metrics that there are."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import Any

import pytest

from deploy.boards import ROOT, dashboards, metrics_of, panels, queries, rules
from kilowatch.observability import TABLE

BOARDS = dashboards()
KNOWN = {metric.name for metric in TABLE} | {rule["record"] for rule in rules("recording")}
WIDTH = 24


def test_all_boards_are_there_under_their_own_ids() -> None:
    assert set(BOARDS) == {"home", "fleet", "device", "pipeline"}
    assert {board["uid"] for board in BOARDS.values()} == {f"kilowatch-{name}" for name in BOARDS}


def test_they_are_those_that_the_code_makes() -> None:
    if importlib.util.find_spec("grafana_foundation_sdk") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("grafana-foundation-sdk is not installed.")
    command = [sys.executable, "scripts/make_dashboards.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_have_ids_of_their_own_and_do_not_overlap(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= WIDTH
        taken |= cells


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_say_what_they_show(board: dict[str, Any]) -> None:
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["targets"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_variables_are_used_and_used_ones_are_there(board: dict[str, Any]) -> None:
    names = {variable["name"] for variable in board["templating"]["list"]} - {"datasource"}
    asked = " ".join(query for _, query in queries(board))
    assert names == {name for name in ("site", "device", "kind") if f"${name}" in asked}


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_queries_ask_for_metrics_that_there_are(board: dict[str, Any]) -> None:
    for title, query in queries(board):
        assert metrics_of(query), title
        assert metrics_of(query) <= KNOWN, title


def test_no_board_of_a_fleet_asks_for_each_device() -> None:
    each = {metric.name for metric in TABLE if metric.group.startswith("Each device")}
    for name in ("fleet", "pipeline"):
        assert not any(metrics_of(query) & each for _, query in queries(BOARDS[name]))
