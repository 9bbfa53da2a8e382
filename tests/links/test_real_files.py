"""The real meter data, read with nothing said about it."""

from __future__ import annotations

import time

import numpy as np
import pyarrow.parquet as parquet
import pytest

from kilowatch.core.device import Fleet, Kind, Reporting
from kilowatch.links.files import Format, ReadOptions, describe, open_sources
from links.tables import open_one, read, real

pytestmark = pytest.mark.data

TRACEBASE = {
    "tv_lcd_dev_b80e51": (Kind.TV, 637_643, 5.0, 0),
    "tv_lcd_dev_d35f73": (Kind.TV, 1_040_469, 1.0, 0),
    "tv_crt_dev_98abaa": (Kind.TV, 1_450_196, 1.0, 1),
    "refrigerator_dev_d32131": (Kind.FRIDGE, 790_458, 5.0, 1),
    "waterkettle_dev_d33e1f": (Kind.KETTLE, 856_860, 5.0, 1),
    "ethernetswitch_switch": (Kind.ROUTER, 804_144, 2.0, 1),
}
COMBED = {
    "academic_block_ahu_0": (Kind.HVAC, 86_192, 7, 91.0),
    "academic_block_building_total_mains_0": (Kind.METER, 82_888, 4, 61.0),
    "academic_block_lifts_0": (Kind.LIFT, 82_884, 9, 61.0),
    "academic_block_ups_sockets_3": (Kind.UPS, 86_199, 3, 61.0),
    "lecture_block_building_total_mains_0": (Kind.METER, 82_851, 35, 91.0),
}


@pytest.mark.parametrize("name", TRACEBASE)
def test_tracebase(name: str) -> None:
    source = open_one(real(f"tracebase/{name}.parquet"))
    (record,) = source.devices()
    (found,) = describe(source)
    kind, rows, interval_s, backward = TRACEBASE[name]
    assert (record.site, record.device, record.kind) == ("tracebase", name, kind)
    assert (record.reporting, record.time_zone) == (Reporting.PERIODIC, "Europe/Berlin")
    assert 0.5 <= (record.interval_s or 0) / interval_s <= 2
    assert (found.rows, found.interval_s, found.backward) == (rows, interval_s, backward)


@pytest.mark.parametrize("name", COMBED)
def test_combed(name: str) -> None:
    source = open_one(real(f"combed/{name}.parquet"))
    (record,) = source.devices()
    (found,) = describe(source)
    kind, rows, gaps, longest_s = COMBED[name]
    assert (record.kind, record.interval_s, record.time_zone) == (kind, 30.0, "Asia/Kolkata")
    assert record.reporting is Reporting.PERIODIC
    assert (found.rows, found.gaps, found.longest_gap_s, found.resets) == (rows, gaps, longest_s, 0)


def test_the_folder_of_combed_opens_but_for_the_lone_register() -> None:
    result = open_sources([real("combed")], ReadOptions())
    assert len(result.sources) == 12
    (failed,) = result.failures
    assert failed.path.name == "academic_block_power_sockets_3_energy_counter.parquet"
    assert "energy register (energy_wh) but no power" in failed.message


def test_the_household() -> None:
    path = real("uci_household/household_2006-12-16_2008-12-31.parquet")
    source = open_one(path)
    batch = read(source)
    raw = parquet.read_table(path)["global_active_power_kw"].to_numpy()
    np.testing.assert_array_equal(batch.power_w, raw * 1000.0)
    assert [(r.device, r.kind, r.interval_s) for r in source.devices()] == [("household", Kind.METER, 60.0)]
    assert "do not exist in Europe/Paris" in source.notes()[1]


def test_the_household_on_its_own_clock_has_no_fault() -> None:
    path = real("uci_household/household_2006-12-16_2008-12-31.parquet")
    (found,) = describe(open_one(path, time_zone="Etc/GMT-1"))
    assert (found.rows, found.missing, found.gaps, found.backward, found.repeated) == (1_074_636, 4086, 0, 0, 0)


@pytest.mark.parametrize("name", ["appliance_faults_labelled", "appliance_normal_days"])
def test_appliances_of_one_file(name: str) -> None:
    source = open_one(real(f"appliance_faults/{name}.parquet"))
    kinds = {record.device: record.kind for record in source.devices()}
    assert kinds == {
        "dishwasher_1": Kind.DISHWASHER,
        "fridge_1": Kind.FRIDGE,
        "washing_machine_1": Kind.WASHER,
        "water_heater_1": Kind.WATER_HEATER,
    }
    assert {record.interval_s for record in source.devices()} == {60.0}


def test_original_formats_agree_with_the_parquet_files() -> None:
    for raw, same, form in (
        ("raw_samples/combed", "combed/academic_block_lifts_0.parquet", Format.COMBED),
        ("raw_samples/tracebase", "tracebase/tv_lcd_dev_b80e51.parquet", Format.TRACEBASE),
    ):
        original = open_one(real(raw))
        ours, theirs = read(original), read(open_one(real(same)))
        first = int(np.flatnonzero(theirs.ts_ms == ours.ts_ms[0])[0])
        part = theirs.take(slice(first, first + len(ours)))
        assert original.format is form
        assert len(ours) in (3000, 15_052)
        np.testing.assert_array_equal(ours.ts_ms, part.ts_ms)
        np.testing.assert_array_equal(ours.power_w, part.power_w)
        if form is Format.COMBED:
            np.testing.assert_array_equal(ours.energy_wh, part.energy_wh)
            np.testing.assert_array_equal(ours.current_a, part.current_a)


def test_original_appliance_files_tell_their_dates() -> None:
    result = open_sources([real("raw_samples/appliance_faults")], ReadOptions())
    normal, faulty = result.sources
    assert "month/day/year" in normal.reading_kind
    assert "ISO 8601" in faulty.reading_kind
    assert read(normal).ts_ms[0] == read(faulty).ts_ms[0]


def test_parquet_is_read_at_millions_of_rows_a_second() -> None:
    source = open_one(real("tracebase/tv_crt_dev_98abaa.parquet"))
    times = []
    for _ in range(3):
        start = time.perf_counter()
        rows = sum(len(batch) for batch in source.batches(Fleet()))
        times.append(time.perf_counter() - start)
    assert rows / min(times) > 2e6
