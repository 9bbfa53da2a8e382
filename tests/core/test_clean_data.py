"""docs/cleaning.md names every reason, and its real examples are judged as it says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyarrow import parquet

from core.fleets import fleet_of
from kilowatch.core.clean import CleanBatch, Cleaner, Outcome, Reason
from kilowatch.core.reading import ReadingBatch

if TYPE_CHECKING:
    from numpy.typing import NDArray

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("KILOWATCH_DATA", REPOSITORY.parent / "shared" / "data"))
PAGE = REPOSITORY / "docs" / "cleaning.md"
MAINS = "combed/academic_block_building_total_mains_0"
SHORTEST_S = {"combed": 30.0, "tracebase": 1.0, "uci_household": 60.0}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_section(reason: Reason) -> None:
    headings = [line for line in PAGE.read_text().splitlines() if line.startswith("#")]
    of_reason = [heading for heading in headings if f"`{reason.label}`" in heading]
    assert len(of_reason) == 1
    assert reason.outcome.name.lower() in of_reason[0]


def columns(path: Path) -> dict[str, NDArray[Any]]:
    table = parquet.read_table(path)
    raw = {name: table[name].to_numpy() for name in table.column_names}
    found = {"ts_ms": raw["timestamp"].astype("datetime64[ms]").astype(np.int64)}
    found |= {name: raw[name].astype(np.float64) for name in ("power_w", "energy_wh") if name in raw}
    if "global_active_power_kw" in raw:
        found |= {"power_w": 1000 * raw["global_active_power_kw"]}
        found |= {"voltage_v": raw["voltage_v"].astype(np.float32)}
        found |= {"current_a": raw["global_intensity_a"].astype(np.float32)}
    if "power_w" not in found:
        found["power_w"] = np.maximum(np.diff(found["energy_wh"], prepend=found["energy_wh"][0]), 0) * 120
    return found


def load(name: str, **replaced: Any) -> ReadingBatch:
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is missing: set KILOWATCH_DATA to the real power data")
    found = columns(path) | replaced
    return ReadingBatch(slot=np.zeros(len(found["ts_ms"]), dtype=np.int32), **found)


def cleaned(batch: ReadingBatch, family: str) -> CleanBatch:
    return Cleaner(fleet_of({"interval_s": SHORTEST_S[family]})).clean(batch)


def judged(name: str) -> CleanBatch:
    return cleaned(load(name), name.split("/")[0])


def row_at(clean: CleanBatch, moment: str) -> int:
    (row,) = np.flatnonzero(clean.readings.ts_ms == np.datetime64(moment, "ms").astype(np.int64))
    return int(row)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "moment", "reason", "power_w", "step_wh"),
    [
        ("combed/academic_block_ahu_0", "2014-06-01T04:00:23", Reason.FLOAT_NOISE, 0.0, None),
        (MAINS, "2014-06-04T09:24:13", Reason.MISREAD_ZERO, 45_369.746, 352.0),
        (MAINS, "2014-06-12T08:55:19", Reason.NONE, 0.0, 32.0),
        ("combed/academic_block_ahu_0", "2014-06-12T08:55:52", Reason.ENERGY_JUMP, 2390.5515, 33.0),
        (
            "combed/academic_block_power_sockets_3_energy_counter",
            "2014-06-04T02:46:42",
            Reason.COUNTER_RESET,
            0.0,
            0.31570005,
        ),
        ("tracebase/tv_lcd_dev_d35f73", "2012-06-11T00:00:11", Reason.NONE, 0.0, None),
    ],
)
def test_kept_examples(name: str, moment: str, reason: Reason, power_w: float, step_wh: float | None) -> None:
    clean = judged(name)
    row = row_at(clean, moment)
    assert Reason(int(clean.reason[row])) is reason
    assert clean.readings.power_w[row] == pytest.approx(power_w)
    assert step_wh is None or clean.energy_step_wh[row] == pytest.approx(step_wh)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "reason", "count", "first"),
    [
        ("tracebase/ethernetswitch_switch", Reason.LATE, 7, "2012-01-03T11:31:11"),
        ("tracebase/tv_lcd_dev_d35f73", Reason.DUPLICATE, 85_134, "2012-06-11T00:00:11"),
        ("uci_household/household_2006-12-16_2008-12-31", Reason.NOT_A_NUMBER, 4086, "2006-12-21T11:23:00"),
    ],
)
def test_rejected_examples(name: str, reason: Reason, count: int, first: str) -> None:
    clean = judged(name)
    rows = np.flatnonzero(clean.rejected_reason == reason)
    assert len(rows) == count
    assert clean.rejected.ts_ms[rows[0]] == np.datetime64(first, "ms").astype(np.int64)


@pytest.mark.data
def test_the_frozen_example() -> None:
    clean = judged("uci_household/household_2006-12-16_2008-12-31")
    frozen = np.flatnonzero(clean.reason == Reason.FROZEN)
    assert frozen.tolist() == list(range(row_at(clean, "2008-10-06T16:10"), row_at(clean, "2008-10-06T16:50")))
    assert set(clean.readings.power_w[frozen].tolist()) == {360.0}


@pytest.mark.data
def test_kilowatts_read_as_watts_become_true_again_or_stay() -> None:
    true = load("uci_household/household_2006-12-16_2008-12-31")
    clean = cleaned(load("uci_household/household_2006-12-16_2008-12-31", power_w=true.power_w / 1000), "uci_household")
    true_w = true.power_w[np.isfinite(true.power_w)]
    slipped = clean.reason == Reason.UNIT_SLIP
    assert slipped.sum() == 1_033_355
    np.testing.assert_allclose(clean.readings.power_w[slipped], true_w[slipped])
    assert true_w[~slipped].max() < 710


@pytest.mark.data
@pytest.mark.parametrize(
    ("family", "repaired", "noise", "rejected"), [("combed", 0.2463, 0.2461, 0.0), ("tracebase", 0.0, 0.0, 0.0098)]
)
def test_the_shares_that_the_page_states(family: str, repaired: float, noise: float, rejected: float) -> None:
    names = [f"{family}/{path.stem}" for path in sorted((DATA / family).glob("*.parquet"))]
    if not names:
        pytest.skip(f"{DATA / family} is missing: set KILOWATCH_DATA to the real power data")
    counts = np.sum([judged(name).counts for name in names], axis=0)
    share = {outcome: sum(counts[r] for r in Reason if r.outcome is outcome) / counts.sum() for outcome in Outcome}
    assert share[Outcome.REPAIRED] == pytest.approx(repaired, abs=1e-4)
    assert counts[Reason.FLOAT_NOISE] / counts.sum() == pytest.approx(noise, abs=1e-4)
    assert share[Outcome.REJECTED] == pytest.approx(rejected, abs=1e-4)
