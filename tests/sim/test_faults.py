from __future__ import annotations

import pytest

from kilowatch.core.device import Kind
from kilowatch.errors import ConfigError
from kilowatch.sim.condition import HEALTHY, Part, Timeline
from kilowatch.sim.faults import FAULTS_BY_KIND, METER_FAULTS, Fault, FaultSpec, check

KINDS = {"fridge": Kind.FRIDGE, "kettle": Kind.KETTLE}


def test_every_fault_is_valid_for_some_kind_and_those_of_the_meter_for_all() -> None:
    assert set().union(*FAULTS_BY_KIND.values()) == set(Fault)
    assert all(faults >= METER_FAULTS for faults in FAULTS_BY_KIND.values())
    assert set(FAULTS_BY_KIND) == set(Kind)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (FaultSpec(Fault.LEFT_ON, "fridge", 0), "cannot have the fault left_on"),
        (FaultSpec(Fault.DOOR_OPEN, "kettle", 0), "A kettle cannot"),
        (FaultSpec(Fault.LEFT_ON, "toaster", 0), "no device 'toaster'"),
        (FaultSpec(Fault.LEFT_ON, "kettle", 10, 10), "no span"),
        (FaultSpec(Fault.LEFT_ON, "kettle", 0, strength=0.0), "no strength"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_a_hint(fault: FaultSpec, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        check([fault], KINDS)
    assert refused.value.hint


def test_a_fault_lasts_from_its_start_to_before_its_end() -> None:
    fault = FaultSpec(Fault.DOOR_OPEN, "fridge", 100, 200)
    assert [fault.active(ms) for ms in (99, 100, 199, 200)] == [False, True, True, False]
    assert FaultSpec(Fault.DOOR_OPEN, "fridge", 100).active(10**15)
    assert fault.until(150) == 150
    assert fault.until(300) == 200


def test_conditions_follow_the_faults_and_multiply() -> None:
    leak = FaultSpec(Fault.DOOR_SEAL_LEAK, "fridge", 100, 300)
    wear = FaultSpec(Fault.BEARING_WEAR, "fridge", 200, 400, strength=0.5)
    timeline = Timeline((leak, leak, wear))
    assert timeline.at(50) == HEALTHY
    assert timeline.at(150).gain == pytest.approx(1.8**2)
    assert timeline.at(250).power(Part.MOTOR) == pytest.approx(1.2)
    assert timeline.at(350).gain == 1.0
    assert timeline.edges(0, 1_000) == [100, 200, 300, 400]
    assert timeline.edges(200, 400) == [300]


def test_a_plug_that_is_off_stops_the_appliance() -> None:
    timeline = Timeline(off=((100, 200), (300, None)))
    assert [timeline.at(ms).dead for ms in (50, 100, 200, 300, 10**15)] == [False, True, False, True, True]
    assert timeline.edges(0, 1_000) == [100, 200, 300]


def test_faults_of_meter_and_habit_leave_the_physics_alone() -> None:
    faults = tuple(FaultSpec(name, "kettle", 0) for name in (*METER_FAULTS, Fault.NIGHT_USE, Fault.LEFT_ON))
    timeline = Timeline(faults)
    assert timeline.at(10) == HEALTHY
    assert timeline.edges(-1, 10) == []
    assert timeline.active(Fault.NIGHT_USE, 10)
    assert not timeline.active(Fault.PHANTOM_LOAD, 10)
