"""What holds for every kind of injection, whatever it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.errors import ConfigError, ReadingError
from kilowatch.lab.inject import INJECTIONS, Injection, InjectionSpec, Trace, Visibility, inject, inject_many
from lab.made_traces import DAY_MS, HOUR_MS, START_MS, fridge, lamp, meter

DAY = 3 * DAY_MS + START_MS
TRACES = {"fridge": fridge(), "lamp": lamp(), "meter": meter(), "seconds": fridge(days=0.5, interval_s=1.0)}
ONE_SECOND_ONLY = {Injection.INRUSH}
TWO_DAYS_ONLY = {Injection.SEASONAL, Injection.REPLAY}

kinds = st.sampled_from(list(Injection))


def fitting(name: str, kind: Injection) -> bool:
    return kind not in ONE_SECOND_ONLY if name != "seconds" else kind not in TWO_DAYS_ONLY


def spec_in(trace: Trace, kind: Injection, place: float, share: float) -> InjectionSpec:
    """A span in the later half, an eighth to a half of the series long."""
    span = trace.end_ms - START_MS
    start = START_MS + span // 2 + int(place * span / 8)
    return InjectionSpec(kind, start, start + round(span / 8 + share * span / 4))


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def test_every_kind_is_registered_under_its_name() -> None:
    assert list(INJECTIONS) == list(Injection)
    assert all(one.kind is kind for kind, one in INJECTIONS.items())
    assert all(one.meaning and "\n" not in one.meaning and one.apply.__doc__ for one in INJECTIONS.values())


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(list(TRACES)), kinds, st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_readings_outside_the_mask_stay_as_they_were(
    name: str, kind: Injection, place: float, share: float, seed: int
) -> None:
    trace = TRACES[name]
    if not fitting(name, kind):
        return
    spec = spec_in(trace, kind, place, share)
    before = trace.power_w.copy()
    changed, mask, resolved = inject(trace, spec, seed)
    assert same(trace.power_w, before)
    assert same(changed.power_w[~mask], trace.power_w[~mask])
    assert same(changed.ts_ms[~mask], trace.ts_ms[~mask])
    inside = (trace.ts_ms >= spec.start_ms) & (trace.ts_ms < spec.end_ms)
    assert not mask[~inside].any()
    if resolved.seen_ms is not None and resolved.gone_ms is not None:
        assert mask.any()
        assert spec.start_ms <= resolved.seen_ms < resolved.gone_ms <= spec.end_ms
        assert mask[trace.ts_ms == resolved.seen_ms].all()


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(list(TRACES)), kinds, st.integers(0, 2**32 - 1))
def test_a_seed_and_a_resolved_spec_repeat_an_injection(name: str, kind: Injection, seed: int) -> None:
    trace = TRACES[name]
    if not fitting(name, kind):
        return
    changed, mask, resolved = inject(trace, spec_in(trace, kind, 0.5, 0.5), seed)
    assert resolved.strength is not None
    assert resolved.seed == seed
    again = inject(trace, resolved, seed)
    assert same(again[0].power_w, changed.power_w)
    assert same(again[0].ts_ms, changed.ts_ms)
    assert same(again[1], mask)
    assert again[2] == resolved


@pytest.mark.parametrize("kind", list(Injection))
def test_every_kind_shows_on_a_trace_that_suits_it(kind: Injection) -> None:
    name = {Injection.INRUSH: "seconds", Injection.WRONG_HOURS: "lamp"}.get(kind, "fridge")
    trace = TRACES[name]
    spec = InjectionSpec(kind, trace.end_ms - (trace.end_ms - START_MS) // 4, trace.end_ms, params={})
    changed, mask, resolved = inject(trace, spec, seed=3)
    assert resolved.seen_ms is not None
    assert mask.any()
    differs = (changed.power_w != trace.power_w) | (changed.ts_ms != trace.ts_ms)
    assert differs[mask].any()


@settings(deadline=None, max_examples=60)
@given(kinds, st.integers(0, 2**32 - 1))
def test_missing_readings_stay_missing(kind: Injection, seed: int) -> None:
    clean = TRACES["meter"]
    holes = np.random.default_rng(seed).random(len(clean)) < 0.05
    trace = replace(clean, power_w=np.where(holes, np.nan, clean.power_w))
    if kind in ONE_SECOND_ONLY:
        return
    changed, _, resolved = inject(trace, spec_in(trace, kind, 0.2, 0.3), seed)
    assert resolved.strength is not None
    if kind is not Injection.CLOCK_ORDER:
        assert np.isnan(changed.power_w[holes]).all()
    assert np.isnan(changed.power_w).sum() >= holes.sum()


def test_a_trace_of_missing_readings_only_is_changed_by_nothing() -> None:
    empty = replace(meter(days=3), power_w=np.full(3 * 1440, np.nan))
    for kind in Injection:
        if kind not in ONE_SECOND_ONLY and not kind.startswith("clock"):
            spec = InjectionSpec(kind, START_MS + 2 * DAY_MS, START_MS + 2 * DAY_MS + 6 * HOUR_MS)
            assert inject(empty, spec, 0)[2].seen_ms is None, kind


def test_zeroing_an_idle_plug_is_invisible_and_counted() -> None:
    trace = lamp()
    idle = InjectionSpec(Injection.T0, DAY + 2 * HOUR_MS, DAY + 10 * HOUR_MS)
    used = InjectionSpec(Injection.T0, DAY + 17 * HOUR_MS, DAY + 23 * HOUR_MS)
    injected = inject_many(trace, [used, idle], seed=0)
    assert [one.start_ms for one in injected.specs] == [used.start_ms]
    assert [one.start_ms for one in injected.invisible] == [idle.start_ms]
    assert injected.mask.sum() == 4 * 60
    assert injected.events.start_ms.tolist() == [DAY + 18 * HOUR_MS]
    assert injected.events.end_ms.tolist() == [DAY + 22 * HOUR_MS]


def test_visibility_is_stated_and_can_be_set() -> None:
    trace = fridge()
    small = InjectionSpec(Injection.PHANTOM, DAY, DAY + HOUR_MS, strength=0.5)
    assert inject(trace, small, 0)[2].seen_ms is None
    assert inject(trace, small, 0, Visibility(watts=0.4))[2].seen_ms == DAY
    seen = Visibility(watts=1, share=0.01).seen(
        np.array([10.0, 1000.0, np.nan, 5.0]), np.array([11, 1009, np.nan, np.nan])
    )
    assert seen.tolist() == [True, False, False, True]


def test_injections_do_not_depend_on_each_other() -> None:
    trace = fridge()
    first = InjectionSpec(Injection.H3, DAY, DAY + 4 * HOUR_MS)
    second = InjectionSpec(Injection.STUCK, DAY + 5 * HOUR_MS, DAY + 8 * HOUR_MS)
    both = inject_many(trace, [second, first], seed=4)
    assert [one.kind for one in both.specs] == [first.kind, second.kind]
    for one in both.specs:
        assert one.seed is not None
        alone, mask, _ = inject(trace, one, one.seed)
        assert same(alone.power_w[mask], both.trace.power_w[mask])
    assert both.specs[0].seed != both.specs[1].seed


def test_overlaps_and_spans_outside_are_refused_with_the_reason() -> None:
    trace = fridge()
    first = InjectionSpec(Injection.H1, DAY, DAY + 2 * HOUR_MS)
    with pytest.raises(ReadingError, match=r"stuck .* overlaps h1"):
        inject_many(trace, [first, InjectionSpec(Injection.STUCK, DAY + HOUR_MS, DAY + 3 * HOUR_MS)], seed=0)
    for start, end in ((START_MS - 1, DAY), (DAY, trace.end_ms + 1), (DAY, DAY)):
        with pytest.raises(ReadingError, match="does not lie in the series"):
            inject(trace, InjectionSpec(Injection.H1, start, end), 0)
    inject(trace, InjectionSpec(Injection.H1, START_MS, trace.end_ms), 0)


def test_a_span_in_a_gap_and_times_that_go_back_are_refused() -> None:
    trace = fridge()
    kept = (trace.ts_ms < DAY) | (trace.ts_ms > DAY + 6 * HOUR_MS)
    gappy = Trace(trace.ts_ms[kept], trace.power_w[kept], trace.interval_s)
    with pytest.raises(ReadingError, match="no reading"):
        inject(gappy, InjectionSpec(Injection.H1, DAY + HOUR_MS, DAY + 2 * HOUR_MS), 0)
    backwards = Trace(trace.ts_ms[::-1].copy(), trace.power_w, trace.interval_s)
    with pytest.raises(ReadingError, match="go backwards"):
        inject(backwards, InjectionSpec(Injection.H1, DAY, DAY + HOUR_MS), 0)
    assert same(backwards.in_time_order().ts_ms, trace.ts_ms)


def test_numbers_that_make_no_sense_are_refused() -> None:
    trace = fridge()
    with pytest.raises(ConfigError, match="h1 has no dwell_s"):
        inject(trace, InjectionSpec(Injection.H1, DAY, DAY + HOUR_MS, params={"dwell_s": 3}), 0)
    with pytest.raises(ConfigError, match="finite"):
        inject(trace, InjectionSpec(Injection.H1, DAY, DAY + HOUR_MS, strength=float("nan")), 0)
    for kind, strength in (("quantise", 0.0), ("element_degraded", 1.0), ("short_cycling", 1.0), ("cutoff", 1.5)):
        with pytest.raises(ConfigError):
            inject(trace, InjectionSpec(Injection(kind), DAY, DAY + HOUR_MS, strength), 0)


def test_kinds_that_need_other_data_are_refused() -> None:
    with pytest.raises(ReadingError, match="cannot be seen every 60 s"):
        inject(fridge(), InjectionSpec(Injection.INRUSH, DAY, DAY + HOUR_MS), 0)
    with pytest.raises(ReadingError, match="before the series begins"):
        inject(fridge(), InjectionSpec(Injection.REPLAY, START_MS + HOUR_MS, START_MS + 2 * HOUR_MS), 0)
    short = fridge(days=1.5)
    with pytest.raises(ReadingError, match="two days"):
        inject(short, InjectionSpec(Injection.SEASONAL, START_MS + DAY_MS, START_MS + DAY_MS + HOUR_MS), 0)


def test_a_trace_needs_readings_and_an_interval() -> None:
    with pytest.raises(ReadingError, match="1 times and 2 values"):
        Trace(np.array([1]), np.array([1.0, 2.0]), 1.0)
    with pytest.raises(ReadingError, match="needs readings"):
        Trace(np.empty(0, dtype=np.int64), np.empty(0), 1.0)
    with pytest.raises(ReadingError, match="needs readings"):
        Trace(np.array([1]), np.array([1.0]), 0.0)


def test_a_spec_can_be_given_a_duration() -> None:
    spec = InjectionSpec.lasting(Injection.H1, DAY, 90.5, 0.3)
    assert (spec.end_ms - spec.start_ms, spec.strength, spec.params) == (90_500, 0.3, {})
