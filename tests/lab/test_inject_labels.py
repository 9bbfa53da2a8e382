from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from kilowatch.core.device import DeviceRecord
from kilowatch.errors import ReadingError
from kilowatch.lab.inject import (
    Injected,
    Injection,
    InjectionSpec,
    inject,
    inject_many,
    place,
    read_labels,
    write_labels,
)
from kilowatch.lab.inject.series import read_trace, write_trace
from lab.made_traces import fridge, lamp

if TYPE_CHECKING:
    from pathlib import Path

KINDS = [Injection.LONG_CYCLE, Injection.DROPOUT, Injection.CLOCK_JUMP, Injection.H3]


@pytest.fixture
def injected() -> Injected:
    return inject_many(fridge(), place(fridge(), KINDS, 5, hours=(3, 6)), 5)


def test_labels_come_back_as_they_were(tmp_path: Path, injected: Injected) -> None:
    write_labels(tmp_path / "odd.json", injected)
    labels = read_labels(tmp_path / "odd.json", injected.trace)
    np.testing.assert_array_equal(labels.mask, injected.mask)
    np.testing.assert_array_equal(labels.events.start_ms, injected.events.start_ms)
    assert tuple(labels.injections) == injected.specs
    assert tuple(labels.invisible) == injected.invisible


def test_labels_hold_all_that_repeats_the_injection(tmp_path: Path, injected: Injected) -> None:
    write_labels(tmp_path / "odd.json", injected)
    for spec in read_labels(tmp_path / "odd.json", injected.trace).injections:
        assert spec.seed is not None
        again, mask, _ = inject(fridge(), spec, spec.seed)
        np.testing.assert_array_equal(again.power_w[mask], injected.trace.power_w[mask])


def test_labels_fit_the_series_that_was_written_beside_them(tmp_path: Path, injected: Injected) -> None:
    record = DeviceRecord(site='the "old" home', device="fridge, kitchen")
    write_trace(tmp_path / "odd.csv", injected.trace, record)
    write_labels(tmp_path / "odd.json", injected)
    trace, found = read_trace(tmp_path / "odd.csv")
    assert (found.site, found.device) == (record.site, record.device)
    np.testing.assert_array_equal(trace.power_w, injected.trace.power_w)
    read_labels(tmp_path / "odd.json", trace)


def test_labels_of_another_series_are_refused(tmp_path: Path, injected: Injected) -> None:
    path = tmp_path / "odd.json"
    write_labels(path, injected)
    trace = injected.trace
    with pytest.raises(ReadingError, match="labels 8640 readings, the series has 8639"):
        read_labels(path, replace(trace, ts_ms=trace.ts_ms[1:], power_w=trace.power_w[1:]))
    with pytest.raises(ReadingError, match="the series is"):
        read_labels(path, replace(trace, ts_ms=trace.ts_ms + 60_000))
    other = trace.power_w.copy()
    other[77] += 0.1
    with pytest.raises(ReadingError, match="its readings differ"):
        read_labels(path, replace(trace, power_w=other))
    with pytest.raises(ReadingError, match="its readings differ"):
        read_labels(path, fridge())


def test_broken_label_files_are_refused(tmp_path: Path, injected: Injected) -> None:
    path = tmp_path / "odd.json"
    with pytest.raises(ReadingError, match="no label file"):
        read_labels(path, injected.trace)
    path.write_text('{"schema": "kilowatch.labels"}')
    with pytest.raises(ReadingError, match="no label file"):
        read_labels(path, injected.trace)
    write_labels(path, injected)
    good = msgspec.json.decode(path.read_bytes())
    for change, reason in (
        ({"version": 2}, "version 2"),
        ({"schema": "kilowatch.report"}, "kilowatch.report"),
        ({"rows": [[5, 3]]}, "out of order"),
        ({"rows": [[0, 9000]]}, "outside the series"),
        ({"injections": [{**good["injections"][0], "seen_ms": None}]}, "without its times"),
    ):
        path.write_bytes(msgspec.json.encode({**good, **change}))
        with pytest.raises(ReadingError, match=reason):
            read_labels(path, injected.trace)


def test_no_visible_injection_leaves_empty_labels(tmp_path: Path) -> None:
    trace = lamp()
    start = int(trace.ts_ms[2 * 1440])
    nothing = inject_many(trace, [InjectionSpec.lasting(Injection.T0, start, 3600)], 0)
    write_labels(tmp_path / "none.json", nothing)
    labels = read_labels(tmp_path / "none.json", trace)
    assert not labels.mask.any()
    assert len(labels.events) == 0
    assert len(labels.invisible) == 1


def test_one_of_several_devices_is_named(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    rows = [f"2026-01-01T00:{m:02}:00Z,{d},{40 + m}" for m in range(40) for d in ("fridge", "tv")]
    path.write_text("timestamp,device,power_w\n" + "\n".join(rows) + "\n")
    with pytest.raises(ReadingError, match="one device; the file has fridge, tv"):
        read_trace(path)
    with pytest.raises(ReadingError, match="'tvv' is not the name"):
        read_trace(path, "tvv")
    trace, record = read_trace(path, "tv")
    assert (len(trace), record.device, trace.interval_s) == (40, "tv", 60.0)
