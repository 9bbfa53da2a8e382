"""The page on scaling: what it makes of measured figures."""

from __future__ import annotations

import msgspec
import pytest
from make_scaling_docs import MEASURED, PAGE, PARTS, Costs, Prices, plan, render

from kilowatch.core.outputs import BenchOutput, BenchRow
from kilowatch.lab.bench.pipeline.section import Section

ROWS = {
    "kilowatch_readings_per_s": 150_000.0,
    "sustained_cpu_us_worker": 6.0,
    "sustained_cpu_us_broker": 3.0,
    "processor_us": 12.0,
    "detector_mb_1k": 100.0,
    "detector_mb_1m": 1_099.0,
    "takeover_s": 9.0,
    "scale_offered_per_s": 150_000.0,
    **{f"scale_{count}_readings_per_s": 90_000.0 + count for count in (1, 2, 4)},
    **{f"scale_{count}_rebalance_s": 2.0 * count for count in (2, 4)},
    **{f"scale_{count}_lag_end": 70_000.0 for count in (1, 2, 4)},
    **{f"scale_{count}_not_judged": 0.0 for count in (1, 2, 4)},
}
OF_THE_GROUP = [name for name in ROWS if name.startswith("scale_")]
PRICES = Prices(20.0, 3.0, 0.1)


def output(rows: dict[str, float]) -> BenchOutput:
    return BenchOutput(machine="a machine", rows=[BenchRow(name=k, value=v, unit="us") for k, v in rows.items()])


def test_a_million_meters_are_added_up_by_hand() -> None:
    found = plan(1_000_000, Costs.of(ROWS))
    assert found.readings_per_s == pytest.approx(33_333.3, rel=1e-4)
    assert found.detector_cores == pytest.approx(0.2)
    assert (found.detectors, found.processors, found.brokers, found.partitions) == (1, 1, 3, 12)
    assert found.memory_gb == pytest.approx(0.1 + 1.0 + 24.0)
    assert found.month(PRICES) == pytest.approx(14 * 20 + 25.1 * 3 + found.disk_gb * 0.1)


def test_a_hundred_times_as_many_need_more_of_everything_that_is_busy() -> None:
    one, hundred = plan(1_000_000, Costs.of(ROWS)), plan(100_000_000, Costs.of(ROWS))
    assert hundred.detectors == 34
    assert hundred.partitions == 72
    assert hundred.disk_gb == pytest.approx(100 * one.disk_gb)


def test_the_page_names_each_row_and_what_was_not_measured_is_no_figure() -> None:
    page = render(output(ROWS), PRICES)
    assert all(f"`{name}`" in page for name in ROWS if name not in OF_THE_GROUP)
    assert "| 1 | 150,000 | 90,001 | – | 70,000 | 0 |" in page
    assert "| 4 | 150,000 | 90,004 | 8.0 | 70,000 | 0 |" in page
    for missing in ("processor_us", *OF_THE_GROUP):
        with pytest.raises(KeyError, match=missing):
            render(output({name: value for name, value in ROWS.items() if name != missing}), PRICES)


def test_the_parts_of_its_command_are_parts_of_the_benchmark() -> None:
    assert set(PARTS) <= set(Section)


def test_the_page_in_the_docs_is_of_the_figures_beside_it() -> None:
    assert MEASURED.exists() == PAGE.exists()
    if MEASURED.exists():
        measured = msgspec.json.decode(MEASURED.read_bytes(), type=BenchOutput)
        assert render(measured, PRICES) == PAGE.read_text(encoding="utf-8")
