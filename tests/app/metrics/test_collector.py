from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from app.metrics.streams import (
    ACTIONS,
    ANOMALIES,
    READINGS,
    START_MS,
    Log,
    MemoryCheckpoint,
    People,
    reading,
    scraped,
    service_on,
    tick,
)
from core.messages import EVENT, EXAMPLES
from kilowatch.app.metrics.families import family
from kilowatch.core.device import DeviceRecord, Kind, Stage
from kilowatch.core.events import ActionEvent, ActionState, EventKind
from kilowatch.core.reading import ReadingBatch
from kilowatch.errors import ConfigError
from kilowatch.observability import TABLE

if TYPE_CHECKING:
    from kilowatch.app.metrics.service import MetricService

HOUR_S = 3600


@pytest.fixture
def home() -> MetricService:
    """Return an hour of a home with a meter of 500 W, a fridge of 100 W and a lamp of 40 W that goes off halfway."""
    kinds = {"meter": Kind.METER, "fridge": Kind.FRIDGE, "lamp": Kind.LAMP}
    people = People(
        {
            ("home", name): DeviceRecord(site="home", device=name, kind=kind, stage=Stage.WATCHING, alarms_per_week=2.0)
            for name, kind in kinds.items()
        }
    )
    service, log = service_on(MemoryCheckpoint(), people), Log()
    service.assigned([READINGS, ANOMALIES, ACTIONS])
    for second in range(0, HOUR_S + 1, 30):
        powers = {"meter": 500.0, "fridge": 100.0, "lamp": 40.0 if second < HOUR_S / 2 else 0.0}
        log.append(READINGS, *(reading(second, power_w, name) for name, power_w in powers.items()))
    opened = msgspec.structs.replace(EVENT, kind=EventKind.OPENED, version=1, historical=False)
    log.append(ANOMALIES, opened)
    action = next(one for one in EXAMPLES if isinstance(one, ActionEvent))
    log.append(ACTIONS, msgspec.structs.replace(action, id=EVENT.id, state=ActionState.UNCONFIRMED, version=1))
    service.step(log)
    return service


def test_the_fleet_is_summed_by_kind(home: MetricService) -> None:
    seen = scraped(home)
    assert seen['kilowatch_devices{kind="lamp",stage="watching"}'] == 1
    assert seen['kilowatch_power_watts{kind="meter"}'] == 500
    assert seen['kilowatch_devices_on{kind="lamp"}'] == 0
    assert seen['kilowatch_energy_joules_total{kind="fridge"}'] == 100 * HOUR_S
    assert seen['kilowatch_energy_today_joules{kind="lamp"}'] == 40 * HOUR_S / 2
    assert seen['kilowatch_cost_total{currency="EUR"}'] == pytest.approx(0.3 * 0.62)
    assert seen["kilowatch_unmetered_today_joules"] == (500 - 100 - 20) * HOUR_S
    assert seen['kilowatch_readings_total{outcome="accepted"}'] == 3 * 121


def test_incidents_actions_and_alarm_rate(home: MetricService) -> None:
    seen = scraped(home)
    assert seen['kilowatch_incidents_open{rule="on_time",severity="critical"}'] == 1
    assert seen["kilowatch_alarms_total"] == 1
    assert seen["kilowatch_actions_unconfirmed"] == 1
    assert seen["kilowatch_watched_device_seconds_total"] == 3 * HOUR_S
    assert seen["kilowatch_requested_alarms_per_device_week"] == 2
    assert seen['kilowatch_top_alarms_week{device="fridge",kind="fridge",site="home"}'] == 1


def test_top_devices_are_named_and_no_others(home: MetricService) -> None:
    seen = scraped(home, top=2)
    named = [name for name in seen if name.startswith("kilowatch_top_power_watts")]
    assert [re.findall(r'device="(\w+)"', name)[0] for name in named] == ["meter", "fridge"]
    assert not any(name.startswith("kilowatch_device_") for name in seen)


def test_each_device_where_it_is_wanted(home: MetricService) -> None:
    seen = scraped(home, each_device=True)
    lamp = '{device="lamp",site="home"}'
    assert seen[f"kilowatch_device_on_today_seconds{lamp}"] == HOUR_S / 2
    assert seen[f"kilowatch_device_peak_watts{lamp}"] == 40
    assert seen[f"kilowatch_device_standby_watts{lamp}"] == 0
    assert seen['kilowatch_device_incidents_open{device="fridge",site="home"}'] == 1
    assert seen['kilowatch_together_seconds{device="fridge",other="lamp",site="home"}'] == HOUR_S / 2


def test_a_silent_device_draws_nothing_that_we_know_of(home: MetricService) -> None:
    log = Log()
    log.append(READINGS, *(tick(0) for _ in range(363)), tick(HOUR_S + 600))
    home.step(log)
    seen = scraped(home)
    assert seen['kilowatch_devices_silent{kind="meter"}'] == 1
    assert seen['kilowatch_power_watts{kind="meter"}'] == 0


def test_a_clock_that_runs_behind_is_counted_and_its_offset_shown(home: MetricService) -> None:
    log, behind = Log(), 'kilowatch_devices_clock_behind{more_than="5s"}'
    assert scraped(home)[behind] == 0
    log.append(READINGS, *(tick(0) for _ in range(363)))
    for device, behind_s in (("slow", 90), ("lazy", 20), ("good", 1)):
        late = [reading(HOUR_S + second, 5.0, device) for second in (0, 30, 60)]
        log.append(READINGS, *(msgspec.structs.replace(one, received_ms=one.ts_ms + behind_s * 1000) for one in late))
    home.step(log)
    seen = scraped(home, each_device=True)
    assert (seen[behind], seen['kilowatch_devices_clock_behind{more_than="60s"}']) == (2, 1)
    assert seen['kilowatch_device_clock_offset_seconds{device="slow",site="home"}'] == 90


def test_nothing_outside_the_table_is_served(home: MetricService) -> None:
    table = {metric.name for metric in TABLE}
    names = {name.partition("{")[0] for name in scraped(home, each_device=True)}
    assert names <= table
    with pytest.raises(ConfigError):
        family("kilowatch_secret_total", [])


def test_ten_thousand_devices_are_told_as_a_fleet() -> None:
    service = service_on(MemoryCheckpoint(), save_every_s=1e9)
    service.assigned([READINGS])
    book = service.readings()[0].book
    for number in range(10_000):
        book.know(DeviceRecord(site=f"s{number // 20}", device=f"d{number}", kind=list(Kind)[number % 20]))
    slots = np.arange(10_000, dtype=np.int32)
    for step in range(3):
        book.take(ReadingBatch(slots, np.full(10_000, START_MS + step * 30_000), slots / 10))
    seen = scraped(service)
    assert seen['kilowatch_devices{kind="fridge",stage="learning"}'] == 500
    assert len(seen) < 1000
