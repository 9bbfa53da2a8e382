"""What a reading tells by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clean_stories import one_device
from core.fleets import START_MS, batch_of, fleet_of
from kilowatch.core.clean import Cleaner, Outcome, Reason
from kilowatch.core.clean_reasons import OUTCOME_OF

UNRATED: dict[str, float] = {}
KETTLE = {"rating_w": 2000.0}
CHILLER = {"rating_w": 50_000.0}


def reasons_of(power_w: float, device: dict[str, float], **columns: float) -> tuple[Reason, float]:
    clean = Cleaner(fleet_of(device)).clean(one_device((0, power_w), **{k: [v] for k, v in columns.items()}))
    kept = len(clean) == 1
    reason = clean.reason[0] if kept else clean.rejected_reason[0]
    return Reason(int(reason)), float(clean.readings.power_w[0]) if kept else float("nan")


@pytest.mark.parametrize(
    ("power_w", "device", "reason"),
    [
        (float("nan"), UNRATED, Reason.NOT_A_NUMBER),
        (float("inf"), UNRATED, Reason.NOT_A_NUMBER),
        (float("-inf"), KETTLE, Reason.NOT_A_NUMBER),
        (-1.0, UNRATED, Reason.NEGATIVE),
        (-2500.0, UNRATED, Reason.NEGATIVE),
        (-60.0, CHILLER, Reason.NEGATIVE),
        (8000.1, KETTLE, Reason.IMPOSSIBLE_POWER),
        (1.1e7, UNRATED, Reason.IMPOSSIBLE_POWER),
        (1e300, UNRATED, Reason.IMPOSSIBLE_POWER),
    ],
)
def test_powers_that_cannot_be_are_rejected(power_w: float, device: dict[str, float], reason: Reason) -> None:
    assert reasons_of(power_w, device)[0] is reason


@pytest.mark.parametrize(
    ("power_w", "device"), [(1.2e-17, KETTLE), (-1e-9, KETTLE), (-0.99, UNRATED), (-40.0, CHILLER)]
)
def test_noise_around_zero_becomes_zero(power_w: float, device: dict[str, float]) -> None:
    assert reasons_of(power_w, device) == (Reason.FLOAT_NOISE, 0.0)


@pytest.mark.parametrize(("power_w", "device"), [(0.0, KETTLE), (1e-6, KETTLE), (8000.0, KETTLE), (1e7, UNRATED)])
def test_powers_up_to_the_limits_are_taken_as_they_come(power_w: float, device: dict[str, float]) -> None:
    assert reasons_of(power_w, device) == (Reason.NONE, power_w)


def test_minus_zero_becomes_zero() -> None:
    reason, power_w = reasons_of(-0.0, KETTLE)
    assert reason is Reason.NONE
    assert not np.signbit(power_w)


@pytest.mark.parametrize("power_w", [2.01, 0.00201, 2_010.0, 2_010_000.0])
def test_watts_against_volts_and_amperes(power_w: float) -> None:
    reason, repaired_w = reasons_of(power_w, UNRATED, voltage_v=230.0, current_a=9.0)
    slipped = power_w in {2.01, 2_010_000.0}
    assert reason is (Reason.UNIT_SLIP if slipped else Reason.NONE)
    assert repaired_w == pytest.approx(2010.0 if slipped else power_w)


@pytest.mark.parametrize(
    ("power_w", "current_a"),
    [
        (0.05, 0.2),
        (0.2, 2.0),
        (0.3, 0.1),
        (2000.0, 0.01),
        (2_300_000.0, 2.0),
        (0.9, 2.0),
        (400.0, float("nan")),
        (0.4, float("nan")),
        (5.0, float("inf")),
    ],
)
def test_without_proof_watts_stay_what_they_are(power_w: float, current_a: float) -> None:
    assert reasons_of(power_w, UNRATED, voltage_v=230.0, current_a=current_a) == (Reason.NONE, power_w)


def test_a_slip_is_repaired_before_the_rating_is_asked() -> None:
    assert reasons_of(1_840_000.0, KETTLE, voltage_v=230.0, current_a=8.0) == (Reason.UNIT_SLIP, 1840.0)
    assert reasons_of(18.4, KETTLE, voltage_v=2300.0, current_a=8.0)[0] is Reason.IMPOSSIBLE_POWER


def test_one_kilowatt_meter_of_a_batch_does_not_touch_the_others() -> None:
    batch = one_device((0, 0.46), (300, 460.0), (600, 460.0), voltage_v=[230.0] * 3, current_a=[2.0, 2.0, 0.0])
    clean = Cleaner(fleet_of(UNRATED)).clean(batch)
    assert clean.readings.power_w.tolist() == [460.0, 460.0, 460.0]
    assert clean.reason.tolist() == [Reason.UNIT_SLIP, Reason.NONE, Reason.NONE]


@pytest.mark.parametrize("ts_ms", [-1, 0, 86_400_000, 946_684_799_999, 4_102_444_800_000, 2**62])
def test_times_of_an_unset_clock_are_rejected(ts_ms: int) -> None:
    clean = Cleaner(fleet_of(UNRATED)).clean(batch_of([(0, ts_ms, 5.0)]))
    assert clean.rejected_reason.tolist() == [Reason.BAD_TIME]


def test_an_unset_clock_is_rejected_even_where_arrival_is_known() -> None:
    clean = Cleaner(fleet_of(UNRATED)).clean(one_device((4e9, 5.0), received_ms=[START_MS]))
    assert clean.rejected_reason.tolist() == [Reason.BAD_TIME]


def test_a_bad_time_says_more_than_a_bad_power() -> None:
    clean = Cleaner(fleet_of(UNRATED)).clean(batch_of([(0, 0, float("nan"))]))
    assert clean.rejected_reason.tolist() == [Reason.BAD_TIME]


def test_a_clock_a_minute_ahead_is_believed_one_further_ahead_gets_the_time_of_arrival() -> None:
    batch = one_device((60, 5.0), (160.001, 5.0), received_ms=[START_MS, START_MS + 100_000])
    clean = Cleaner(fleet_of(UNRATED)).clean(batch)
    assert clean.reason.tolist() == [Reason.NONE, Reason.CLOCK_AHEAD]
    assert clean.readings.ts_ms.tolist() == [START_MS + 60_000, START_MS + 100_000]


def test_an_arrival_that_is_no_time_repairs_nothing() -> None:
    clean = Cleaner(fleet_of(UNRATED)).clean(one_device((60, 5.0), received_ms=[0]))
    assert clean.readings.ts_ms.tolist() == [START_MS + 60_000]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(), min_size=1, max_size=30), st.floats(0.1, 1e9))
def test_whatever_comes_in_what_is_kept_is_a_power(powers: list[float], rating_w: float) -> None:
    clean = Cleaner(fleet_of({"rating_w": rating_w})).clean(one_device(*[(i * 30, w) for i, w in enumerate(powers)]))
    kept_w = clean.readings.power_w
    assert ((kept_w >= 0) & (kept_w <= min(1e7, 4 * rating_w)) & ~np.signbit(kept_w)).all()
    assert len(clean) + len(clean.rejected) == len(powers)


def test_every_reason_has_a_name_a_sentence_and_an_outcome() -> None:
    assert len({reason.label for reason in Reason}) == len(Reason)
    assert Reason.CLOCK_AHEAD.label == "clock_ahead"
    for reason in Reason:
        assert reason.sentence.endswith(".")
        assert len(reason.sentence) > 20
    assert [reason for reason in Reason if reason.outcome is Outcome.REJECTED] == list(Reason)[Reason.LATE :]
    assert Reason.FROZEN.outcome is Outcome.ACCEPTED
    assert Reason.MISREAD_ZERO.outcome is Outcome.REPAIRED
    assert len(OUTCOME_OF) == len(Reason)
