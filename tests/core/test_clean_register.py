"""What the energy register tells, and the powers that it contradicts."""

from __future__ import annotations

import numpy as np
import pytest

from core.clean_stories import INTERVAL, Story, batch_from, into_kilowatts, kilowatts, milliwatts, one_device
from core.fleets import fleet_of
from kilowatch.core.clean import CleanBatch, Cleaner, Reason

NAN = float("nan")
METER: dict[str, float] = {"interval_s": 30.0}
PLUG: dict[str, float] = {"interval_s": 30.0, "rating_w": 2500.0}


def clean(*readings: tuple[float, float, float], device: dict[str, float] = METER) -> CleanBatch:
    """Clean readings (seconds, watts, register in Wh) of one device."""
    batch = one_device(*[(s, w) for s, w, _ in readings], energy_wh=[e for *_, e in readings])
    return Cleaner(fleet_of(device)).clean(batch)


def registers(*energy_wh: float, device: dict[str, float] = METER) -> CleanBatch:
    return clean(*[(30 * i, 10.0 + i, e) for i, e in enumerate(energy_wh)], device=device)


def steps(batch: CleanBatch) -> list[float]:
    return batch.energy_step_wh.tolist()


def test_steps_are_counted_from_the_reading_before() -> None:
    batch = registers(1000.0, 1001.5, 1001.5, 1004.0)
    np.testing.assert_array_equal(steps(batch), [NAN, 1.5, 0.0, 2.5])
    assert not batch.reason.any()


def test_a_missing_register_leaves_its_energy_to_the_next() -> None:
    batch = registers(1000.0, NAN, -1.0, 1003.0, float("inf"), 1e300, 1004.0)
    np.testing.assert_array_equal(steps(batch), [NAN, NAN, NAN, 3.0, NAN, NAN, 1.0])
    assert not batch.reason.any()


def test_without_registers_nothing_is_known_of_energy() -> None:
    batch = Cleaner(fleet_of(METER)).clean(one_device((0, 5.0), (30, 5.0)))
    assert np.isnan(steps(batch)).all()


def test_a_counter_that_begins_anew_counts_from_zero() -> None:
    batch = registers(2_058_550.0, 0.3, 0.9)
    assert batch.reason.tolist() == [0, Reason.COUNTER_RESET, 0]
    np.testing.assert_allclose(steps(batch), [NAN, 0.3, 0.6])


def test_a_counter_that_falls_to_a_large_value_leaves_its_step_unknown() -> None:
    batch = registers(9_000_000.0, 5_000_000.0, 5_000_001.0)
    assert batch.reason.tolist() == [0, Reason.COUNTER_RESET, 0]
    np.testing.assert_array_equal(steps(batch), [NAN, NAN, 1.0])


@pytest.mark.parametrize("end_wh", [1e5, 1e6, 1e8, 2.0**24, 2.0**32])
def test_a_counter_that_passes_its_last_digit_goes_on(end_wh: float) -> None:
    batch = registers(end_wh - 2.0, 1.0, 3.0)
    assert batch.reason.tolist() == [0, Reason.COUNTER_WRAP, 0]
    np.testing.assert_array_equal(steps(batch), [NAN, 3.0, 2.0])


def test_a_wrap_that_would_mean_too_much_energy_is_a_reset() -> None:
    batch = registers(99_910.0, 1.0, device=PLUG)
    assert batch.reason.tolist() == [0, Reason.COUNTER_RESET]
    np.testing.assert_array_equal(steps(batch), [NAN, 1.0])


def test_a_register_beyond_all_last_digits_can_only_be_reset() -> None:
    assert registers(2e10, 1.0).reason.tolist() == [0, Reason.COUNTER_RESET]


def test_a_wrap_takes_at_most_a_hundredth_of_the_range_however_long_the_silence() -> None:
    batch = clean((0, 50.0, 60_000.0), (864_000, 50.0, 1.0))
    assert batch.reason.tolist() == [0, Reason.COUNTER_RESET]
    np.testing.assert_array_equal(steps(batch), [NAN, 1.0])


def test_a_step_over_a_clock_that_went_back_is_not_counted() -> None:
    readings = [(s, 50.0) for s in (0, 30, *range(-3600, -3450, 30), -3450)]
    batch = one_device(*readings, energy_wh=[1000.0 + i for i in range(len(readings))])
    followed = Cleaner(fleet_of(METER)).clean(batch)
    assert followed.reason.tolist() == [0, 0, Reason.CLOCK_JUMP, 0]
    np.testing.assert_array_equal(steps(followed), [NAN, 1.0, NAN, 1.0])


def test_two_readings_of_one_instant_are_no_silence() -> None:
    batch = one_device((0, 50.0), (30, 50.0), (30, 51.0), energy_wh=[1000.0, 1000.5, 1001.0], seq=[1, 2, 3])
    assert not Cleaner(fleet_of(METER)).clean(batch).reason.any()


@pytest.mark.parametrize(("high_wh", "low_wh"), [(500.7, 500.0), (179_124_272.0, 179_124_240.0)])
def test_a_register_may_waver_by_its_last_digit(high_wh: float, low_wh: float) -> None:
    batch = registers(high_wh, low_wh)
    assert not batch.reason.any()
    assert steps(batch)[1] == 0.0


def test_a_register_that_reads_zero_once_does_not_become_consumption() -> None:
    batch = registers(2_000_000.0, 0.0, 2_000_001.0, 2_000_002.0)
    assert batch.reason.tolist() == [0, Reason.COUNTER_RESET, Reason.ENERGY_JUMP, 0]
    np.testing.assert_array_equal(steps(batch), [NAN, 0.0, NAN, 1.0])


def test_energy_of_a_silence_is_kept_and_marked() -> None:
    batch = clean((0, 50.0, 1000.0), (30, 50.0, 1000.4), (86_430, 60.0, 2200.0), (86_460, 60.0, 2200.5))
    assert batch.reason.tolist() == [0, 0, Reason.ENERGY_JUMP, 0]
    np.testing.assert_allclose(steps(batch), [NAN, 0.4, 1199.6, 0.5])


def test_a_silence_without_energy_is_no_jump() -> None:
    assert not clean((0, 0.0, 1000.0), (86_430, 0.0, 1000.0)).reason.any()


@pytest.mark.parametrize(
    ("device", "step_wh", "believed"),
    [(PLUG, 83.0, True), (PLUG, 84.0, False), (METER, 830.0, True), (METER, 20_000.0, False)],
)
def test_more_energy_than_the_device_can_draw_is_not_counted(
    device: dict[str, float], step_wh: float, believed: bool
) -> None:
    batch = registers(1000.0, 1000.0 + step_wh, device=device)
    assert batch.reason.tolist() == [0, 0 if believed else Reason.ENERGY_JUMP]
    np.testing.assert_array_equal(steps(batch), [NAN, step_wh if believed else NAN])


def test_a_large_meter_is_measured_by_its_own_power() -> None:
    batch = clean((0, 2e6, 1e6), (30, 2e6, 1e6 + 16_667))
    assert not batch.reason.any()


def zeros(pace: float, *, wait_s: float = 30.0, before_w: float = 1200.0) -> CleanBatch:
    """A zero after a step whose mean power is `pace` times the power before; then another zero."""
    step_wh = pace * before_w * wait_s / 3600
    return clean(
        (0, before_w, 5000.0), (wait_s, 0.0, 5000.0 + step_wh), (wait_s + 30, 0.0, 5000.0 + 2 * step_wh), device=METER
    )


@pytest.mark.parametrize("pace", [0.81, 1.0, 1.19])
def test_a_zero_after_full_energy_holds_the_power_before_but_only_once(pace: float) -> None:
    batch = zeros(pace)
    assert batch.reason.tolist() == [0, Reason.MISREAD_ZERO, 0]
    assert batch.readings.power_w.tolist() == [1200.0, 1200.0, 0.0]


@pytest.mark.parametrize("pace", [0.0, 0.08, 0.79, 1.21, 5.0])
def test_a_zero_after_less_or_other_energy_is_believed(pace: float) -> None:
    batch = zeros(pace)
    assert batch.readings.power_w.tolist() == [1200.0, 0.0, 0.0]
    assert not batch.reason.any()


def test_a_zero_after_a_silence_is_believed() -> None:
    assert zeros(1.0, wait_s=3600.0).reason.tolist()[1] == Reason.ENERGY_JUMP


def test_a_register_too_coarse_to_tell_proves_nothing() -> None:
    batch = clean((0, 3800.0, 1.7e8), (30, 0.0, 1.7e8 + 32))
    assert batch.readings.power_w.tolist() == [3800.0, 0.0]


def test_float_noise_after_full_energy_is_a_misread_zero_too() -> None:
    batch = clean((0, 600.0, 1000.0), (30, 1e-17, 1005.0))
    assert batch.reason.tolist() == [0, Reason.MISREAD_ZERO]
    assert batch.readings.power_w.tolist() == [600.0, 600.0]


def lived(story: Story) -> CleanBatch:
    return Cleaner(fleet_of(INTERVAL)).clean(batch_from(story.rows))


@pytest.mark.parametrize(("chapter", "true_w"), [(kilowatts, 1500.0), (milliwatts, 2.0)])
def test_a_slip_is_believed_from_the_fifth_step_that_contradicts_it(chapter: object, true_w: float) -> None:
    story = Story(energy_wh=100.0)
    assert callable(chapter)
    chapter(story)
    batch = lived(story)
    assert np.flatnonzero(batch.reason == Reason.UNIT_SLIP).tolist() == [5, 6, 7]
    np.testing.assert_allclose(batch.readings.power_w[5:8], true_w)


def test_a_kettle_between_2_w_and_2000_w_keeps_its_watts() -> None:
    story = Story()
    for _ in range(30):
        for power_w, mean_w in (
            (2.0, 2.0),
            (2000.0, 1000.0),
            (2000.0, 2000.0),
            (2.0, 1900.0),
            (2.0, 1500.0),
            (2.0, 2.0),
        ):
            story.say(power_w, mean_w=mean_w)
    assert Reason.UNIT_SLIP not in lived(story).reason


def test_a_register_in_the_wrong_unit_from_the_start_changes_no_watts() -> None:
    story = Story()
    for _ in range(20):
        story.say(1500.0, mean_w=1.5)
    assert not lived(story).reason.any()


def in_kilowatts(*then: tuple[float, float], reset_wh: float | None = None) -> list[float]:
    """Powers of readings (watts sent, mean watts) that follow a slip that is believed."""
    story = Story()
    into_kilowatts(story)
    story.energy_wh = story.energy_wh if reset_wh is None else reset_wh
    for power_w, mean_w in then:
        story.say(power_w, mean_w=mean_w)
    return lived(story).readings.power_w[-len(then) :].tolist()


def test_a_slip_lasts_through_a_pause_and_ends_when_register_and_power_agree() -> None:
    sent = (0.0, 0.0), (1.5, 700.0), (1.5, 1500.0), (1500.0, 1500.0), (1.5, 1500.0)
    assert in_kilowatts(*sent) == [0.0, 1.5, 1500.0, 1500.0, 1.5]


def test_a_slip_lasts_through_a_counter_reset() -> None:
    assert in_kilowatts((1.5, 1500.0), (1.5, 1500.0), reset_wh=0.0) == [1.5, 1500.0]


def test_a_slip_ends_when_the_register_stands_still() -> None:
    assert in_kilowatts((1.5, 0.0), (1.5, 1500.0)) == [1.5, 1.5]
    assert in_kilowatts((0.1, 0.0), (1.5, 1500.0)) == [0.1, 1500.0]


def test_a_register_too_coarse_for_a_slip_proves_none() -> None:
    story = Story(energy_wh=1.7e8)
    story.say(384.0)
    for _ in range(8):
        story.say(0.384, mean_w=384.0)
    assert not lived(story).reason.any()
