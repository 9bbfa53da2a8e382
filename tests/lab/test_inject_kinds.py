"""Each kind against its formula."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.lab.inject import Injection, InjectionSpec, Trace, inject
from kilowatch.lab.inject.phases import Phases, levels_w, threshold_w
from lab.made_traces import DAY_MS, HOUR_MS, START_MS, fridge, lamp, meter

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT = START_MS + 3 * DAY_MS


def changed(
    trace: Trace, kind: Injection, hours: float, strength: float | None = None, seed: int = 0, **params: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return true and changed watts of the span, and the mask there."""
    spec = InjectionSpec.lasting(kind, AT, hours * 3600, strength, params)
    rows = trace.rows(spec.start_ms, spec.end_ms)
    after, mask, _ = inject(trace, spec, seed)
    return trace.power_w[rows], after.power_w[rows], mask[rows]


def test_h1_reports_a_constant_share() -> None:
    x, y, _ = changed(meter(), Injection.H1, 12, 0.4)
    np.testing.assert_allclose(y, 0.4 * x)
    x, y, _ = changed(meter(), Injection.H1, 12)
    assert 0.1 <= (y / x)[0] <= 0.8


def test_h2_is_zero_for_its_hours_once() -> None:
    x, y, mask = changed(meter(), Injection.H2, 24, 6)
    assert mask.sum() == (y == 0).sum() == 6 * 60
    assert (np.diff(np.flatnonzero(mask)) == 1).all()
    np.testing.assert_array_equal(y[~mask], x[~mask])
    assert changed(meter(), Injection.H2, 3, 6)[2].all()


def test_h3_and_h4_draw_a_share_for_each_reading() -> None:
    x, y, _ = changed(meter(), Injection.H3, 24)
    share = y / x
    assert 0.1 <= share.min() < 0.15
    assert 0.75 < share.max() <= 0.8
    x, y, _ = changed(meter(), Injection.H4, 24)
    share = y / x.mean()
    assert 0.1 <= share.min() < 0.15
    assert 0.75 < share.max() <= 0.8
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.1


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(1, 60))
def test_h5_and_h6_preserve_energy(seed: int, hours: float) -> None:
    trace = meter(seed=seed)
    x, y, _ = changed(trace, Injection.H5, hours)
    assert y.sum() == pytest.approx(x.sum())
    x, y, _ = changed(trace, Injection.H6, hours)
    np.testing.assert_array_equal(np.sort(y), np.sort(x))


def test_h6_turns_each_day_round() -> None:
    x, y, _ = changed(meter(), Injection.H6, 36)
    np.testing.assert_array_equal(y[:1440], x[:1440][::-1])
    np.testing.assert_array_equal(y[1440:], x[1440:][::-1])


def test_t0_t7_t8_t9() -> None:
    x, y, _ = changed(meter(), Injection.T0, 5)
    assert not y.any()
    x, y, _ = changed(meter(), Injection.T7, 24, 0.6)
    np.testing.assert_allclose(y, np.minimum(x, 0.6 * x.max()))
    trace = meter()
    x, y, _ = changed(trace, Injection.T8, 24, 0.5)
    past = trace.power_w[trace.ts_ms < AT]
    np.testing.assert_allclose(y, np.maximum(x - 0.5 * past.mean(), 0))
    x, y, mask = changed(meter(), Injection.T9, 24, 0.7)
    np.testing.assert_allclose(1 - y / x, np.linspace(0, 0.7, len(x)), atol=1e-12)
    assert not mask[0]


def test_t12_comes_and_goes_by_dwell_time() -> None:
    x, y, mask = changed(meter(), Injection.T12, 24, 0.5, dwell_s=7200.0)
    dwells = mask.reshape(12, 120)
    assert (dwells.all(axis=1) | ~dwells.any(axis=1)).all()
    assert 0 < mask.sum() < len(mask)
    np.testing.assert_array_equal(y, np.where(mask, 0, x))
    assert changed(meter(), Injection.T12, 24, 0.0)[2].any()


def test_false_data_templates() -> None:
    trace = meter()
    sd = trace.power_w[trace.ts_ms < AT].std()
    x, y, _ = changed(trace, Injection.FDI_SCALING, 3, 0.25)
    np.testing.assert_allclose(y, 1.25 * x)
    for kind in (Injection.FDI_RAMP, Injection.DRIFT):
        x, y, _ = changed(trace, kind, 3, 2.0)
        np.testing.assert_allclose(y - x, 2 * sd * np.arange(180) / 180, atol=1e-9)
    x, y, mask = changed(trace, Injection.FDI_PULSE, 2, 1.0, period_s=1200, width_s=180)
    assert mask.sum() == 6 * 3
    np.testing.assert_allclose((y - x)[mask], sd)
    x, y, _ = changed(trace, Injection.FDI_RANDOM, 12, 1.0, least=0.5)
    assert ((y - x) / sd).min() >= 0.5
    assert ((y - x) / sd).max() <= 1.0


def test_replay_shows_an_earlier_day() -> None:
    trace = meter()
    for days in (1, 2):
        _, y, _ = changed(trace, Injection.REPLAY, 6, days)
        earlier = trace.rows(AT - days * DAY_MS, AT - days * DAY_MS + 6 * HOUR_MS)
        np.testing.assert_array_equal(y, trace.power_w[earlier])


def test_command_attack_switches_between_the_usual_levels() -> None:
    x, y, _ = changed(lamp(), Injection.COMMAND, 1, 240)
    np.testing.assert_array_equal(y, np.tile([40.0, 40.0, 0.0, 0.0], 15))
    assert not x.any()


def test_spikes_hit_one_reading() -> None:
    x, y, mask = changed(meter(), Injection.SPIKE, 1, 3.0)
    assert mask.tolist() == [True] + [False] * 59
    assert y[0] == pytest.approx(4 * x[0])
    trace = meter()
    x, y, mask = changed(trace, Injection.GLOBAL, 1, 0.01)
    assert mask.sum() == 1
    assert y[0] == trace.power_w[trace.ts_ms < AT].max()
    x, y, mask = changed(trace, Injection.CONTEXTUAL, 1, 3.0)
    around = trace.power_w[trace.rows(AT - 30 * 60_000, AT + 31 * 60_000)]
    assert abs(y[0] - x[0]) == pytest.approx(3 * around.std())
    assert trace.power_w.min() <= y[0] <= trace.power_w.max()


def test_stuck_counts_from_where_the_true_signal_moves() -> None:
    x, y, mask = changed(fridge(), Injection.STUCK, 2)
    assert (y == x[0]).all()
    trace = lamp()
    spec = InjectionSpec(Injection.STUCK, AT + 15 * HOUR_MS, AT + 20 * HOUR_MS)
    _, mask, resolved = inject(trace, spec, 0)
    assert resolved.seen_ms == AT + 18 * HOUR_MS
    assert mask.sum() == 120


def test_sensor_faults() -> None:
    trace = meter()
    sd = trace.power_w[trace.ts_ms < AT].std()
    x, y, _ = changed(trace, Injection.OFFSET, 4, 1.5)
    np.testing.assert_allclose(y - x, 1.5 * sd)
    x, y, _ = changed(trace, Injection.GAIN, 4, 1.3)
    np.testing.assert_allclose(y, 1.3 * x)
    x, y, _ = changed(replace(trace, power_w=trace.power_w + 1e5), Injection.NOISE, 24, 2.0)
    assert (y - x).std() == pytest.approx(2 * sd, rel=0.1)
    assert abs((y - x).mean()) < 0.2 * sd
    x, y, _ = changed(trace, Injection.UNIT, 4)
    np.testing.assert_allclose(y, x / 1000)
    x, y, _ = changed(trace, Injection.QUANTISE, 4, 50)
    assert (y % 50 == 0).all()
    assert np.abs(y - x).max() <= 25
    x, y, mask = changed(trace, Injection.WRAP, 1, 12)
    assert y[0] - x[0] == pytest.approx(-12 * 3.6e6 / 60)
    assert mask.sum() == 1


def test_dropout_loses_readings_as_nan_or_zero() -> None:
    _, y, mask = changed(meter(), Injection.DROPOUT, 10, 0.5)
    assert np.isnan(y[mask]).all()
    assert not np.isnan(y[~mask]).any()
    assert 240 < mask.sum() < 360
    _, y, mask = changed(meter(), Injection.DROPOUT, 10, 0.5, as_zero=1.0)
    assert not y[mask].any()


def test_clock_faults_change_stamps() -> None:
    trace = meter()
    spec = InjectionSpec(Injection.CLOCK_JUMP, AT, AT + HOUR_MS, 300)
    after, mask, resolved = inject(trace, spec, 0)
    assert (after.ts_ms - trace.ts_ms)[mask].tolist() == [300_000] * 60
    assert (np.diff(after.ts_ms) < 0).sum() == 1
    assert (resolved.seen_ms, resolved.gone_ms) == (AT, AT + HOUR_MS)
    after, mask, _ = inject(trace, replace(spec, kind=Injection.CLOCK_REPEAT, strength=0.4), 0)
    assert (after.ts_ms[mask] == trace.ts_ms[np.flatnonzero(mask) - 1]).all()
    np.testing.assert_array_equal(after.power_w, trace.power_w)
    after, mask, _ = inject(trace, replace(spec, kind=Injection.CLOCK_ORDER, strength=0.4), 0)
    order = np.argsort(after.ts_ms)
    np.testing.assert_array_equal(after.ts_ms[order], trace.ts_ms)
    np.testing.assert_array_equal(after.power_w[order], trace.power_w)
    assert (np.diff(after.ts_ms) < 0).any()


def test_long_cycles_last_longer_by_the_percentage() -> None:
    trace = fridge()
    before, x_on = Phases.of(trace.power_w), 20
    x, y, mask = changed(trace, Injection.LONG_CYCLE, 12, 35)
    np.testing.assert_array_equal(y[20:27], x[13:20])
    spec = InjectionSpec.lasting(Injection.LONG_CYCLE, AT, 12 * 3600, 35)
    after = Phases.of(inject(trace, spec, 0)[0].power_w)
    inside = (after.first >= 3 * 1440) & (after.after < 3.5 * 1440)
    assert ((after.after - after.first)[inside] == x_on + 7).all()
    np.testing.assert_array_equal(after.first, before.first)
    assert mask.sum() == 12 * 7
    assert (y[mask] > 80).all()


def test_never_stops_holds_the_on_level() -> None:
    _, y, mask = changed(fridge(), Injection.NEVER_STOPS, 6)
    assert not mask[:20].any()
    assert (y > 80).all()


def test_short_cycling_doubles_the_starts_at_equal_energy() -> None:
    trace = fridge()
    x, y, _ = changed(trace, Injection.SHORT_CYCLING, 8, 2)
    np.testing.assert_array_equal(np.sort(y), np.sort(x))
    assert len(Phases.of(y)) == 2 * len(Phases.of(x))


def test_stuck_on_and_off() -> None:
    _, y, _ = changed(lamp(), Injection.STUCK_ON, 24)
    assert (y == 40).all()
    _, y, _ = changed(fridge(), Injection.STUCK_OFF, 24)
    assert (y == 2).all()


def test_a_degraded_element_heats_longer_at_less_power() -> None:
    trace = fridge()
    x, y, _ = changed(trace, Injection.ELEMENT_DEGRADED, 12, 0.25)
    phases = Phases.of(y)
    lengths = (phases.after - phases.first)[:-1]
    assert (lengths == 27).all()
    assert y[:27].mean() == pytest.approx(0.75 * x[:20].mean(), rel=0.01)
    assert y[:60].sum() == pytest.approx(x[:60].sum(), rel=0.03)


def test_phantom_adds_watts() -> None:
    x, y, _ = changed(fridge(), Injection.PHANTOM, 12, 20)
    np.testing.assert_allclose(y, x + 20)


def test_wrong_hours_pastes_a_cycle_where_it_never_ran() -> None:
    trace = lamp()
    _, y, mask = changed(trace, Injection.WRONG_HOURS, 24)
    at = np.flatnonzero(mask)
    assert len(at) == 4 * 60
    assert (y[mask] == 40).all()
    hour = at // 60
    assert not ((hour >= 18) & (hour < 22)).any()


def test_wrong_hours_has_no_place_where_every_hour_is_usual() -> None:
    assert inject(fridge(), InjectionSpec.lasting(Injection.WRONG_HOURS, AT, 86_400), 0)[2].seen_ms is None


def test_inrush_raises_the_first_seconds_of_each_start() -> None:
    trace = fridge(days=0.5, interval_s=1.0)
    spec = InjectionSpec(Injection.INRUSH, START_MS + 6 * HOUR_MS, START_MS + 9 * HOUR_MS, 3.0)
    after, mask, _ = inject(trace, spec, 0)
    assert mask.sum() == 3 * 3
    np.testing.assert_allclose(after.power_w[mask], 3 * trace.power_w[mask])
    starts = np.flatnonzero(np.diff(mask.astype(int)) == 1) + 1
    assert (trace.ts_ms[starts] % HOUR_MS == 0).all()


def test_shapes_of_a_span() -> None:
    trace = meter()
    x, y, _ = changed(trace, Injection.FLIP, 3)
    np.testing.assert_array_equal(y, x[::-1])
    x, y, _ = changed(trace, Injection.SCALE, 3, 2.5)
    np.testing.assert_allclose(y, 2.5 * x)
    x, y, _ = changed(trace, Injection.CUTOFF, 3, 0.75)
    np.testing.assert_allclose(y, np.quantile(x, 0.75))
    past = trace.power_w[trace.ts_ms < AT]
    _, y, _ = changed(trace, Injection.PLATFORM, 3, 0.5)
    np.testing.assert_allclose(y, (past.min() + past.max()) / 2)
    x, y, _ = changed(trace, Injection.WANDER, 3, 0.2)
    np.testing.assert_allclose(y - x, np.linspace(0, 0.2 * np.ptp(past), 180), atol=1e-9)
    x, y, _ = changed(trace, Injection.TREND, 3, 1.0)
    np.testing.assert_allclose((y - x)[90:], past.std())
    assert (np.diff((y - x)[:90]) > 0).all()


def test_shapes_in_time() -> None:
    trace = meter()
    x, y, _ = changed(trace, Injection.SPEED_UP, 4, 2.0)
    np.testing.assert_allclose(y[:120], x[::2])
    np.testing.assert_allclose(y[120:], x[::2])
    rows = trace.rows(AT, AT + 4 * HOUR_MS)
    _, y, _ = changed(trace, Injection.PATTERN_SHIFT, 4, 600)
    np.testing.assert_array_equal(y, trace.power_w[rows.start - 10 : rows.stop - 10])
    x, y, _ = changed(trace, Injection.AVERAGE, 4, 5)
    np.testing.assert_allclose(y[2:-2], np.convolve(x, np.ones(5) / 5, "valid"))
    assert y[0] == pytest.approx(x[:3].mean())


def test_amplitude_affine_and_shapelet() -> None:
    trace = meter()
    x, y, _ = changed(trace, Injection.AMPLITUDE, 4, 2.0)
    assert abs(y[0] - x[0]) < 0.01 * x[0]
    middle = slice(110, 130)
    np.testing.assert_allclose((y - x.mean())[middle], 2 * (x - x.mean())[middle], rtol=0.02, atol=2)
    x, y, _ = changed(trace, Injection.SHAPELET, 4, 4)
    np.testing.assert_allclose(np.unique(y), [x.mean() - x.std(), x.mean() + x.std()])
    assert (np.diff(y) != 0).sum() == 7
    spec = InjectionSpec.lasting(Injection.AFFINE, AT, 4 * 3600, 0.1)
    after, _, resolved = inject(trace, spec, 5)
    rows = trace.rows(AT, spec.end_ms)
    np.testing.assert_allclose(
        after.power_w[rows], resolved.drawn["factor"] * trace.power_w[rows] + resolved.drawn["shift_w"]
    )


def test_seasonal_runs_the_daily_rhythm_too_fast() -> None:
    quiet = replace(meter(), power_w=400 - 250 * np.cos(2 * np.pi * (meter().ts_ms % DAY_MS) / DAY_MS))
    x, y, _ = changed(quiet, Injection.SEASONAL, 24, 2.0)
    hours = np.arange(1440) / 60
    np.testing.assert_allclose(y, 400 - 250 * np.cos(2 * np.pi * 2 * hours / 24), atol=25)
    assert np.abs(y - x).max() > 400


def test_threshold_parts_off_from_on_despite_inrush() -> None:
    power = np.concatenate((np.full(400, 2.0), np.full(200, 90.0), [1500.0] * 5))
    assert 2 < threshold_w(power) < 90
    assert levels_w(power) == (2.0, 90.0)
    assert np.isnan(threshold_w(np.full(9, 3.0)))
    assert levels_w(np.full(9, 3.0)) == (3.0, 3.0)
    assert len(Phases.of(np.full(9, 3.0))) == 0
