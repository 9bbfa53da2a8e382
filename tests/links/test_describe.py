from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.device import Fleet, Kind, Reporting, first_seen
from kilowatch.core.reading import ReadingBatch
from kilowatch.links.files import describe, find_faults
from kilowatch.links.files.describe import Census, Description
from kilowatch.links.files.findings import Rule
from links.tables import START_MS, csv_lines, open_one, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STEPS_S = st.sampled_from([30, 30, 30, 30, 31, 61, 600, 0, -5])
POWERS_W = st.sampled_from([0.0, 5.0, 5.1, -3.0, 2000.0, float("nan")])


def fleet(devices: int = 1, **known: Any) -> Fleet:
    return Fleet([first_seen("home", f"plug_{n}", Kind.LAMP, **known) for n in range(devices)])


def batch(
    ts_s: Sequence[float],
    power_w: Sequence[float],
    slot: Sequence[int] | None = None,
    energy: Sequence[float] | None = None,
) -> ReadingBatch:
    return ReadingBatch(
        slot=np.array(slot or [0] * len(ts_s), dtype=np.int32),
        ts_ms=START_MS + np.rint(np.array(ts_s) * 1000).astype(np.int64),
        power_w=np.array(power_w),
        energy_wh=None if energy is None else np.array(energy),
    )


def described(whole: ReadingBatch, size: int | None = None, devices: int = 1, **known: Any) -> list[Description]:
    census = Census(fleet(devices, **known))
    for start in range(0, len(whole), size or len(whole)):
        census.add(whole.take(slice(start, start + (size or len(whole)))))
    return census.descriptions()


def test_everything_is_counted() -> None:
    ts_s = [0, 30, 60, 60, 50, 80, 110, 300, 330]
    power = [0, 10, 20, 30, np.nan, -5, 10, 10, 10]
    energy = [5, 6, 7, 7, np.nan, 8, 2, 3, 4.0]
    (found,) = described(batch(ts_s, power, energy=energy))
    assert (found.rows, found.missing, found.negative, found.resets) == (9, 1, 1, 1)
    assert (found.repeated, found.backward) == (1, 1)
    assert (found.interval_s, found.gaps, found.breaks, found.longest_gap_s) == (30.0, 1, 1, 190.0)
    assert found.odd_steps == pytest.approx(3 / 8)
    assert (found.power_min_w, found.power_median_w, found.power_max_w) == (-5.0, 10.0, 30.0)
    assert (found.first_ms, found.last_ms) == (START_MS, START_MS + 330_000)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(STEPS_S, POWERS_W, st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=120),
    st.integers(1, 20),
)
def test_batches_may_be_cut_anywhere(rows: list[tuple[int, float, int, int]], size: int) -> None:
    steps, power, slot, energy = map(list, zip(*rows, strict=True))
    whole = batch(np.cumsum(steps).tolist(), power, slot, [float(value) for value in energy])
    assert described(whole, devices=3) == described(whole, size, devices=3)


def test_a_device_without_readings_is_described_as_empty() -> None:
    found = described(batch([0], [5.0]), devices=2)[1]
    assert (found.rows, found.first_ms, found.interval_s, found.power_median_w) == (0, None, None, None)


def test_devices_on_change_have_gaps_only_beyond_their_heartbeat() -> None:
    whole = batch([0, 10, 300, 310, 2000], [1, 2, 3, 4, 5])
    (periodic,) = described(whole, interval_s=10.0)
    (quiet,) = described(whole, interval_s=10.0, reporting=Reporting.ON_CHANGE, heartbeat_s=600.0)
    assert (periodic.gaps, quiet.gaps, quiet.breaks) == (1, 1, 1)
    assert quiet.longest_gap_s == 1690.0


def test_float_noise_of_a_large_register_is_no_reset() -> None:
    (found,) = described(batch([0, 30, 60], [1, 1, 1], energy=[1.7e8, 1.7e8 - 16, 0.5]))
    assert found.resets == 1


def test_clocks_that_are_not_set_are_counted() -> None:
    (found,) = described(batch([-START_MS / 1000, 0, 3e9], [1, 1, 1]))
    assert found.misdated == 2


def test_faults_of_a_file_are_found(tmp_path: Path) -> None:
    lines = csv_lines(100)
    lines[10] = lines[9]
    lines[20] = "1717200570,-4"
    lines[30] = "1717200870,"
    del lines[50:70]
    lines[60] = "garbage,5"
    source = open_one(write(tmp_path / "a.csv", lines))
    found = {fault.rule: fault for fault in find_faults(source, describe(source))}
    assert set(found) == {Rule.UNREADABLE, Rule.BREAKS, Rule.REPEATED, Rule.MISSING, Rule.NEGATIVE}
    assert "a.csv, row 61: The time cannot be read." in found[Rule.UNREADABLE].message
    assert found[Rule.BREAKS].count == 1
    sound = open_one(write(tmp_path / "b.csv", csv_lines(100)))
    assert find_faults(sound, describe(sound)) == []
