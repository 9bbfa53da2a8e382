from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.metrics.streams import (
    ACTIONS,
    ANOMALIES,
    READINGS,
    START_MS,
    Log,
    MemoryCheckpoint,
    People,
    all_days,
    reading,
    service_on,
    tick,
)
from core.messages import EVENT
from kilowatch.core.device import DeviceRecord, Kind, Stage
from kilowatch.core.events import WIRE_V, EventKind, RecordChanged
from kilowatch.core.usage import Quantity
from kilowatch.errors import StateError


def day_of_readings(days: float = 2.5) -> Log:
    """Return a log of a fridge with a register that is right and a power that is not quite."""
    log = Log()
    for second in range(0, int(days * 86_400), 300):
        log.append(READINGS, reading(second, 90.0 + second % 7, energy_wh=round(1000 + second * 95 / 3600, 3)))
    return log


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=12))
def test_a_death_at_any_moment_loses_and_doubles_nothing(steps: list[tuple[int, bool]]) -> None:
    log, checkpoint = day_of_readings(), MemoryCheckpoint()
    whole, alone = service_on(MemoryCheckpoint()), day_of_readings()
    whole.assigned([READINGS])
    whole.step(alone)
    service = service_on(checkpoint, save_every_s=1e9)
    service.assigned([READINGS])
    for most, dies in [*steps, (10_000, False)]:
        for batch in log.poll(most):
            service._take(batch)
        if dies:
            service = service_on(checkpoint, save_every_s=1e9)
            log.at = dict(service.assigned([READINGS]))
        else:
            service.save()
    found, wanted = all_days(service, checkpoint), all_days(whole, whole.checkpoint)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.values, wanted.values)


def test_a_days_energy_is_the_registers() -> None:
    log, checkpoint = day_of_readings(), MemoryCheckpoint()
    service = service_on(checkpoint)
    service.assigned([READINGS])
    service.step(log)
    days = all_days(service, checkpoint)
    np.testing.assert_allclose(days.energy_uj[:2] / 3.6e9, 95 * 24, rtol=1e-3)
    assert len(checkpoint.days) == 1, "two days are in the making, the one before them is stored"


def test_partitions_move_with_their_state() -> None:
    log, checkpoint = day_of_readings(), MemoryCheckpoint()
    one, other = service_on(checkpoint), service_on(checkpoint)
    one.assigned([READINGS])
    for batch in log.poll(300):
        one._take(batch)
    one.revoked([READINGS])
    assert other.assigned([READINGS]) == {READINGS: 300}
    other.step(log)
    assert not one.readings()
    assert all_days(other, checkpoint).of(Quantity.ACCEPTED).sum() == len(log.messages[READINGS])


def test_a_process_that_was_replaced_cannot_save_over_its_heir() -> None:
    log, checkpoint = day_of_readings(), MemoryCheckpoint()
    old, heir = service_on(checkpoint, save_every_s=1e9), service_on(checkpoint)
    for one in (old, heir):
        one.assigned([READINGS])
        log.at.clear()
        for batch in log.poll(100):
            one._take(batch)
    heir.save()
    with pytest.raises(StateError):
        old.save()


def test_messages_read_again_are_passed_over() -> None:
    log, checkpoint = day_of_readings(0.1), MemoryCheckpoint()
    service = service_on(checkpoint)
    service.assigned([READINGS])
    service.step(log)
    log.at.clear()
    service.step(log)
    assert all_days(service, checkpoint).of(Quantity.REJECTED).sum() == 0


def test_ticks_end_the_days_of_a_silent_device() -> None:
    log, checkpoint = day_of_readings(0.5), MemoryCheckpoint()
    service = service_on(checkpoint)
    service.assigned([READINGS])
    service.step(log)
    log.append(READINGS, tick(3 * 86_400))
    service.step(log)
    assert [day.device for day in checkpoint.days] == ["fridge"]
    assert len(service.readings()[0].book.ledger.days.rows()) == 0


def test_records_are_asked_for_when_a_device_is_new_or_changed() -> None:
    people = People({("home", "fridge"): DeviceRecord(site="home", device="fridge", kind=Kind.FRIDGE)})
    service, log = service_on(MemoryCheckpoint(), people), Log()
    service.assigned([READINGS])
    log.append(READINGS, reading(0, 90.0), reading(30, 90.0))
    service.step(log)
    book = service.readings()[0].book
    assert book.fleet.records[0].kind is Kind.FRIDGE
    assert book.watched_ms == 0
    people.records["home", "fridge"] = DeviceRecord(site="home", device="fridge", version=2, stage=Stage.WATCHING)
    log.append(READINGS, RecordChanged(v=WIRE_V, id="c", version=2, site="home", device="fridge", ts_ms=START_MS))
    log.append(READINGS, reading(60, 90.0))
    service.step(log)
    assert book.fleet.records[0].stage is Stage.WATCHING
    assert book.watched_ms == 30_000


def test_incidents_survive_a_death_and_unreadable_ones_are_counted() -> None:
    log, checkpoint = Log(), MemoryCheckpoint()
    log.append(ANOMALIES, msgspec.structs.replace(EVENT, kind=EventKind.OPENED, version=1))
    log.messages[ACTIONS] = [b"no action"]
    service = service_on(checkpoint)
    service.assigned([ANOMALIES, ACTIONS])
    service.step(log)
    assert sum(one.unreadable for one in service.events()) == 1
    again = service_on(checkpoint)
    assert again.assigned([ANOMALIES, ACTIONS]) == {ANOMALIES: 1, ACTIONS: 1}
    assert {key for one in again.events() for key in one.correlation.open} == {EVENT.id}


def test_days_of_a_partition_that_was_lost_and_came_back_are_stored_once() -> None:
    log, checkpoint = day_of_readings(), MemoryCheckpoint()
    service = service_on(checkpoint, save_every_s=1e9)
    service.assigned([READINGS])
    service._take(log.poll(10_000)[0])
    service.lost([READINGS])
    log.at = dict(service.assigned([READINGS]))
    service._take(log.poll(10_000)[0])
    service.save()
    assert len(checkpoint.days) == 1
