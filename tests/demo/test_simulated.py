"""The simulated home as a source: the same life for the same seed, at the pace of the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kilowatch.app.ingest.gate import Accepted, Gate
from kilowatch.config.sections import SiteConfig
from kilowatch.config.sources import SimConfig
from kilowatch.core.device import DeviceRecord, Kind
from kilowatch.demo import simulated
from kilowatch.demo.simulated import SimSource
from links.mqtt.brokers import Sink, until

if TYPE_CHECKING:
    import pytest

NOW_MS = 1_767_300_000_000
"""2026-01-01 20:40 UTC."""
SITE = SiteConfig(name="cabin", time_zone="Europe/Berlin")


class Clock:
    """Goes on by a step with each look at it, and then stands."""

    def __init__(self, *steps_ms: int) -> None:
        self.now_ms, self._steps = NOW_MS, list(steps_ms)

    def __call__(self) -> int:
        self.now_ms += self._steps.pop(0) if self._steps else 0
        return self.now_ms


def told(monkeypatch: pytest.MonkeyPatch, *steps_ms: int, seed: int = 1) -> tuple[list[dict[str, Any]], Sink]:
    monkeypatch.setattr(simulated, "_LOOK_S", 0.01)
    clock, sink, met = Clock(0, *steps_ms), Sink(), list[DeviceRecord]()
    source = SimSource(SimConfig(seed=seed, interval_s=30.0), SITE, on_devices=met.extend, clock_ms=clock)
    source.start(sink.put)
    until(lambda: not clock._steps)
    source.stop()
    assert {one.device: one.kind for one in met}["fridge"] is Kind.FRIDGE
    assert {one.source for one in met} == {"sim"}
    return sink.readings(), sink


def test_each_meter_speaks_once_an_interval_and_the_gate_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    readings, sink = told(monkeypatch, 30_000, 30_000)
    devices = [reading["device"] for reading in readings]
    assert set(devices) >= {"fridge", "kettle", "mains", "router"}
    assert 30 <= len(readings) <= 2 * len(set(devices))
    assert {reading["site"] for reading in readings} == {"cabin"}
    assert all(NOW_MS <= reading["ts_ms"] < NOW_MS + 60_000 for reading in readings)
    assert all(isinstance(Gate().judge(message), Accepted) for message in sink.messages)


def test_a_restart_finds_the_home_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = told(monkeypatch, 10_000, 10_000, 10_000)
    cut, _ = told(monkeypatch, 30_000)
    assert sorted(whole, key=str) == sorted(cut, key=str)
    assert whole != told(monkeypatch, 30_000, seed=2)[0]


def test_what_was_slept_through_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    readings, _ = told(monkeypatch, 8 * 3_600_000)
    assert min(reading["ts_ms"] for reading in readings) >= NOW_MS + 8 * 3_600_000 - 60_000


def test_a_clock_that_is_set_back_goes_through_its_times_again(monkeypatch: pytest.MonkeyPatch) -> None:
    readings, _ = told(monkeypatch, 30_000, -3_600_000, 30_000)
    assert any(reading["ts_ms"] >= NOW_MS for reading in readings)
    assert any(reading["ts_ms"] < NOW_MS - 3_000_000 for reading in readings)
