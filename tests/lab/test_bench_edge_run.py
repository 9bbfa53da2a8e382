"""The home of `bench edge-run`: what goes wrong in it is read, found and far over what the device has learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.clean_values import judge_power
from kilowatch.core.reading import ReadingBatch
from kilowatch.lab.bench.edge_run import Run, rows_of
from kilowatch.lab.bench.edge_run_home import APPLIANCES, FAULTED, Plugs, settings_of
from kilowatch.lab.bench.pipeline.process_cost import Cost

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.lab.bench.pipeline.goals import GoalRow

HOUR_MS = 3_600_000


def test_twenty_plugs_of_which_ten_go_wrong() -> None:
    assert len(APPLIANCES) == len({one.name for one in APPLIANCES}) == 20
    assert len(set(FAULTED)) == 10


def test_a_fault_is_over_all_that_was_seen_and_no_reading_of_it_is_refused() -> None:
    plugs = Plugs(None)
    with plugs:
        plugs.break_down()
        for plug in plugs.plugs:
            device = plug.outlet.device
            if device not in FAULTED:
                assert plug.outlet.faults == ()
                continue
            # also while it runs: the fault comes on top of what the appliance draws by itself
            ts_ms = plugs.clock.now_ms() + np.arange(0, 24 * HOUR_MS, 60_000, dtype=np.int64)
            faulty_w = np.round(plugs.home.power_at(device, ts_ms, plug.outlet.faults), 1)
            usual_w = plugs.home.power_at(device, ts_ms).max()
            rated_w = next(float(one.rating_w) for one in APPLIANCES if one.name == device)
            batch = ReadingBatch(np.zeros(len(ts_ms), dtype=np.int32), ts_ms, faulty_w)
            accepted_w, reason = judge_power(batch, np.full(len(ts_ms), rated_w))
            assert not reason.any(), device
            assert (accepted_w > 3 * usual_w).all(), device


def test_the_settings_of_a_run_name_every_plug(tmp_path: Path) -> None:
    with Plugs(None) as plugs:
        said = settings_of(tmp_path, plugs)
        assert said.count("poll = true") == 20
        assert all(f'plug = "{plug.address}"' in said for plug in plugs.plugs)


def run(off_s: list[float], missed: int = 0, share: float = 0.03, peak_mb: float = 95.0) -> Run:
    return Run(share, Cost(1.0, peak_mb, peak_mb), off_s, missed)


def named(rows: list[GoalRow]) -> dict[str, GoalRow]:
    return {row.name: row for row in rows}


def test_each_way_of_reading_has_rows_of_its_own_and_misses_are_told() -> None:
    rows = named(rows_of(run([0.5, 1.0, 1.5]), run([1.0, 3.0], missed=1, share=0.09, peak_mb=101.0)))
    assert rows["edge_run_rss_mb"].value == 95.0
    assert rows["edge_run_rss_mb"].met
    assert rows["edge_run_cpu_share"].met
    assert rows["edge_run_off_p50_s"].value == 1.0
    assert rows["edge_run_off_p99_s"].met
    assert rows["edge_run_http_off_p50_s"].value == 2.0
    assert rows["edge_run_http_off_p99_s"].met is False
    assert (rows["edge_run_missed"].met, rows["edge_run_http_missed"].met) == (True, False)
    # polling with digest login has no goal of its own for CPU
    assert rows["edge_run_http_cpu_share"].met is None


def test_a_run_in_which_nothing_was_switched_off_has_missed_its_goal() -> None:
    rows = named(rows_of(run([], missed=10), run([1.0])))
    assert rows["edge_run_off_p99_s"].value is None
    assert rows["edge_run_off_p99_s"].met is False
    assert rows["edge_run_missed"].value == 10.0
