"""A simulated week of devices that speak seldom: their silence is no incident, and what they say is not frozen."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from kilowatch.app.ingest import decode
from kilowatch.app.pipeline import Pipeline
from kilowatch.core.clean_reasons import Reason
from kilowatch.core.device import Fleet
from kilowatch.core.staleness import STALE
from kilowatch.detectors.registry import create
from kilowatch.links.decode.overlay import Overlay, encoded
from kilowatch.links.decode.report import Report
from kilowatch.links.memory import MemoryHistory
from kilowatch.sim.home import Home
from links.decode.stories import vendors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_MS = 1_767_567_600_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
BERLIN = ZoneInfo("Europe/Berlin")


def on_change(ts_ms: np.ndarray, watts: np.ndarray, least_w: float, longest_ms: int) -> Iterator[tuple[int, float]]:
    """Yield what a plug says that speaks when the power has moved by least_w, or after longest_ms."""
    said_w, said_ms = float("nan"), 0
    for at_ms, power_w in zip(ts_ms.tolist(), np.rint(watts).tolist(), strict=True):
        if not abs(power_w - said_w) < least_w or at_ms - said_ms >= longest_ms:
            said_w, said_ms = power_w, at_ms
            yield at_ms, power_w


def _statestream(_at_ms: int, power_w: float) -> tuple[str, str]:
    return "homeassistant/statestream/sensor/tv_power/state", str(power_w)


def _zigbee(_at_ms: int, power_w: float) -> tuple[str, str]:
    return "zigbee2mqtt/fridge", json.dumps({"state": "ON", "power": power_w})


def _sleeper(_at_ms: int, power_w: float) -> tuple[str, str]:
    return "zigbee2mqtt/lamp", json.dumps({"power": power_w, "battery": 80})


def _gen2(at_ms: int, power_w: float) -> tuple[str, str]:
    frame = {"method": "NotifyStatus", "params": {"ts": at_ms / 1000, "switch:0": {"id": 0, "apower": power_w}}}
    return "kettle/events/rpc", json.dumps(frame)


def _tasmota(at_ms: int, power_w: float) -> tuple[str, str]:
    wall = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(BERLIN).strftime("%Y-%m-%dT%H:%M:%S")
    return "tele/router/SENSOR", json.dumps({"Time": wall, "ENERGY": {"Power": power_w}})


PLUGS: dict[str, tuple[Callable[[int, float], tuple[str, str]], float, int]] = {
    "tv": (_statestream, 1.0, 10**12),
    "fridge": (_zigbee, 5.0, 10**12),
    "lamp": (_sleeper, 1.0, 20 * HOUR_MS),
    "kettle": (_gen2, 1.0, HOUR_MS),
    "router": (_tasmota, 1e9, 300_000),
}


@pytest.fixture(scope="module")
def week() -> list[tuple[int, str, str]]:
    """Every message of the week: arrival, topic and payload, in order."""
    home, ts_ms = Home(3, START_MS), np.arange(START_MS, START_MS + 7 * DAY_MS, 30_000)
    told = [
        (at_ms + 150, *tell(at_ms, power_w))
        for name, (tell, least_w, longest_ms) in PLUGS.items()
        for at_ms, power_w in on_change(ts_ms, home.power_at(name, ts_ms), least_w, longest_ms)
    ]
    return sorted(told)


def test_no_silence_of_theirs_is_an_incident(week: list[tuple[int, str, str]]) -> None:
    asked, overlay, fleet = vendors(), Overlay("home", "mqtt:test"), Fleet()
    pipeline = Pipeline(fleet, create("fleet"), MemoryHistory())
    frozen: set[int] = set()
    events, reasons, accepted, place = [], np.zeros(len(Reason), dtype=np.int64), 0, 0
    for hour_ms in range(START_MS + HOUR_MS, START_MS + 7 * DAY_MS + 1, HOUR_MS):
        messages = []
        while place < len(week) and week[place][0] < hour_ms:
            received_ms, topic, payload = week[place]
            said = asked.decode(topic, payload.encode(), received_ms)
            for report in said.reports:
                assert isinstance(report, Report)
                if fleet.slot("home", report.device) is None:
                    pipeline.revise(asked.record(report.device, said))
                reading = overlay.reading(report, received_ms)
                assert reading is not None
                messages.append(encoded([reading]))
            place += 1
        result = pipeline.step(decode(messages, fleet).batch) if messages else pipeline.pass_time(hour_ms)
        events += [*result.events, *pipeline.pass_time(hour_ms).events]
        reasons += result.clean.counts
        frozen |= set(result.clean.readings.slot[result.clean.reason == Reason.FROZEN].tolist())
        accepted += len(messages)
    assert accepted == len(week) > 5_000
    assert {record.device for record in fleet.records} == set(PLUGS)
    assert [event.sentence for event in events if event.rule == STALE] == []
    assert reasons.sum() == reasons[Reason.NONE] + reasons[Reason.FROZEN] == accepted
    # A router draws 11 whole watts for days: marked, as docs/cleaning.md says, and no incident.
    assert {fleet.records[slot].device for slot in frozen} <= {"router"}
    assert [event.sentence for event in events] == []


def test_the_week_holds_the_silences_that_it_is_about(week: list[tuple[int, str, str]]) -> None:
    longest_h = {}
    for name in ("tv", "lamp", "router"):
        of_one = [at_ms for at_ms, topic, _ in week if f"/{name}" in topic]
        longest_h[name] = max(np.diff(of_one)) / HOUR_MS
    assert longest_h["tv"] > 10
    assert longest_h["lamp"] > 15
    assert longest_h["router"] == pytest.approx(1 / 12)
