"""What pages say that a device has used today."""

from __future__ import annotations

import pytest

from app.metrics.streams import READINGS, Log, MemoryCheckpoint, People, reading, service_on, tick
from kilowatch.app.metrics.today import TodaysUsage
from kilowatch.core.device import DeviceRecord, Kind


def test_each_device_has_its_own_day_so_far_and_a_new_day_begins_at_nothing() -> None:
    people = People({("home", "fridge"): DeviceRecord(site="home", device="fridge", kind=Kind.FRIDGE)})
    service, log = service_on(MemoryCheckpoint(), people), Log()
    service.assigned([READINGS])
    usage = TodaysUsage(service)
    assert usage.today() == []
    for second in range(0, 7201, 60):
        log.append(READINGS, reading(second, 100.0), reading(second, 1000.0, "kettle"))
    service.step(log)
    fridge, kettle = usage.today()
    assert (fridge.device, kettle.device) == ("fridge", "kettle")
    assert fridge.day == "2026-01-01"
    assert fridge.energy_wh == pytest.approx(200.0, rel=0.02)
    assert kettle.energy_wh == pytest.approx(2000.0, rel=0.02)
    assert kettle.cost == pytest.approx(2.0 * 0.3, rel=0.02)
    log.append(READINGS, tick(86_400 + 60))
    service.step(log)
    assert [(day.day, day.energy_wh) for day in usage.today()] == [("2026-01-02", 0.0)] * 2
