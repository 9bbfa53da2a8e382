"""Doses and their places, the split before anything is injected, and what is counted on which data."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.detector import Scores
from kilowatch.core.device import Kind, first_seen
from kilowatch.detectors.floor import RandomScore
from kilowatch.errors import ReadingError
from kilowatch.lab.datasets import Family, meters
from kilowatch.lab.inject import Injection, InjectionSpec, Trace, inject_many
from kilowatch.lab.suites import injected
from kilowatch.lab.suites.contenders import Contender
from kilowatch.lab.suites.doses import DOSES, GAP_MS, LONGEST_HOURS, doses_of, placed
from kilowatch.lab.suites.front import course_of
from kilowatch.lab.suites.injected import (
    DAY_MS,
    TRAINING_DAYS,
    InjectedTask,
    pieces,
    prepared,
    run_injected,
    split_of,
)
from kilowatch.lab.suites.product import SETTLED_MS, alarms_after_drift
from kilowatch.lab.suites.walk import CURVE, REQUESTED
from lab import made_data
from lab.made_traces import START_MS, meter

if TYPE_CHECKING:
    from kilowatch.core.samples import Samples
    from kilowatch.core.window import WindowView
    from kilowatch.lab.suites.findings import Findings

HOUR_MS = 3_600_000
RECORD = first_seen("home", "meter", Kind.METER, interval_s=300.0)


def test_there_are_fifteen_types_weakest_first() -> None:
    assert len(DOSES) == 15
    assert len({levels[0].kind for levels in DOSES}) == 15
    for levels in DOSES:
        assert len({level.label for level in levels}) == len(levels)
        assert len({level.kind for level in levels}) == 1


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_every_type_is_dealt_to_one_copy_of_a_device(copies: int) -> None:
    dealt = [dose.kind for copy in range(copies) for dose in doses_of(7, copy, copies)]
    assert Counter(dealt) == Counter(levels[0].kind for levels in DOSES)


def test_strengths_come_round_over_devices() -> None:
    drawn = Counter((dose.kind, dose.label) for device in range(0, 36, 4) for dose in doses_of(device, 0, 1))
    assert {count for (kind, _), count in drawn.items() if kind is Injection.OFFSET} == {3}


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 2))
def test_injections_lie_in_the_test_apart_and_off_gaps(seed: int, copy: int) -> None:
    trace = meter(16, 300.0)
    rows = np.ones(len(trace), dtype=np.bool_)
    rows[2600:2900] = False
    trace = Trace(trace.ts_ms[rows], trace.power_w[rows], 300.0)
    from_ms = START_MS + 5 * DAY_MS
    specs = placed(trace, doses_of(seed, copy, 3), seed, from_ms)
    assert len(specs) >= 3
    for spec in specs:
        assert spec.start_ms >= from_ms
        assert spec.end_ms <= trace.end_ms
        assert spec.end_ms - spec.start_ms <= (LONGEST_HOURS + 1) * HOUR_MS
    for before, after in pairwise(specs):
        assert after.start_ms - before.end_ms >= GAP_MS - 2 * trace.interval_ms


def test_a_series_with_little_room_holds_fewer() -> None:
    trace = meter(3, 300.0)
    assert placed(trace, doses_of(0, 0, 1), 0, START_MS + 2 * DAY_MS) == ()


def test_an_injection_outside_the_series_is_refused() -> None:
    trace = meter(2, 300.0)
    spec = InjectionSpec(Injection.OFFSET, trace.end_ms - HOUR_MS, trace.end_ms + HOUR_MS)
    with pytest.raises(ReadingError, match="does not lie in the series"):
        inject_many(trace, [spec], 0)


def test_phantom_loads_grow_with_the_device() -> None:
    phantom = next(levels for levels in DOSES if levels[0].kind is Injection.PHANTOM)
    assert phantom[0].spec(0, 1, 2000.0).strength == pytest.approx(200.0)
    assert phantom[0].spec(0, 1, 10.0).strength == 5.0


def test_a_short_series_is_learnt_from_its_first_half() -> None:
    assert split_of(meter(10, 300.0)) == START_MS + 5 * DAY_MS
    assert split_of(meter(40, 300.0)) == START_MS + TRAINING_DAYS * DAY_MS


def test_only_a_long_series_is_cut_into_pieces() -> None:
    one = pieces(meter(40, 900.0), 7)
    assert [len(piece) for piece in one] == [21 * 96]
    several = pieces(meter(80, 900.0), 7)
    assert [len(piece) for piece in several] == [21 * 96] * 4
    assert several[0].ts_ms[0] == START_MS
    assert several[-1].end_ms == START_MS + 80 * DAY_MS


def test_history_and_clean_twin_hold_no_injection() -> None:
    course = course_of(RECORD, meter(28, 300.0))
    trial = prepared("one", course, 3, 3)
    split_ms = split_of(course.trace)
    np.testing.assert_array_equal(trial.history.samples.code, course.between(0, split_ms).samples.code)
    np.testing.assert_array_equal(trial.clean.samples.code, course.samples.code[len(trial.history) :])
    for copy in trial.copies:
        samples, clean = copy.course.samples, trial.clean.samples
        assert samples.ts_ms[0] >= split_ms
        assert all(spec.start_ms >= split_ms for spec in copy.injected.specs)
        assert len(copy.labels) == len(copy.injected.specs) == len(copy.targets)
        outside = ~copy.injected.mask[len(trial.history) :]
        np.testing.assert_array_equal(samples.code[outside], clean.code[outside])
        assert (samples.code[~outside] != clean.code[~outside]).any()


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Findings]:
    root = tmp_path_factory.mktemp("data")
    made_data.combed(root, days=28)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KILOWATCH_DATA", str(root))
        who = tuple(Contender(name) for name in ("hour_of_week", "random", "constant"))
        return {one.detector: one for one in run_injected(InjectedTask(meters(Family.COMBED)[1], 0, who, 3, 14))}


def test_every_injection_that_shows_is_an_event(findings: dict[str, Findings]) -> None:
    for one in findings.values():
        assert len(one.targets) == len(one.at[REQUESTED].found.found)
        assert 10 <= len(one.targets) + one.invisible <= 15


def test_false_alarms_come_from_the_clean_test_alone(findings: dict[str, Findings]) -> None:
    for one in findings.values():
        for rate in CURVE:
            assert one.at[rate].clean.weeks == pytest.approx(2, abs=0.01)


def test_a_detector_clears_the_floor(findings: dict[str, Findings]) -> None:
    found = {name: one.at[REQUESTED].found.recall.value for name, one in findings.items()}
    ranked = {name: np.mean([r.vus_pr for r in one.rankings]) for name, one in findings.items()}
    assert found["hour_of_week"] > found["random"] + 0.2
    assert ranked["hour_of_week"] > 2 * ranked["random"]


def test_chance_alarms_for_the_same_times_with_and_without_injections(findings: dict[str, Findings]) -> None:
    assert findings["random"].at[REQUESTED].found.recall.value <= 0.2


def test_after_a_drift_the_time_from_three_days_on_is_watched() -> None:
    course = course_of(RECORD, meter(24, 300.0))
    split_ms = START_MS + 10 * DAY_MS
    history, test = course.between(0, split_ms), course.between(split_ms, START_MS + 99 * DAY_MS)
    rate = alarms_after_drift(Contender("hour_of_week").create(), history, test)
    assert rate.weeks == pytest.approx((14 - 2 - SETTLED_MS / DAY_MS) / 7, abs=0.01)
    assert rate.value < 4


def test_without_relearning_the_drift_would_be_seen() -> None:
    """The alarms that are not counted are there: the gain is applied, and opens incidents in the days after it."""
    course = course_of(RECORD, meter(24, 300.0))
    split_ms = START_MS + 10 * DAY_MS
    history = course.between(0, split_ms)
    test = course.between(split_ms, START_MS + 99 * DAY_MS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kilowatch.lab.suites.product.SETTLED_MS", -DAY_MS)
        patch.setattr("kilowatch.lab.suites.product.DRIFT_GAIN", 3.0)
        assert alarms_after_drift(Contender("hour_of_week").create(), history, test).count > 0
        patch.setattr("kilowatch.lab.suites.product.SETTLED_MS", 99 * DAY_MS)
        assert alarms_after_drift(Contender("hour_of_week").create(), history, test).count == 0


class Bell(RandomScore):
    """Rings for a quarter of an hour every six hours, once the history is over."""

    def score(self, samples: Samples, view: WindowView) -> Scores:
        quiet = super().score(samples, view).raw
        rings = (samples.ts_ms >= START_MS + 14 * DAY_MS) & (samples.ts_ms % (6 * HOUR_MS) < HOUR_MS // 4)
        return Scores(np.where(rings, np.float32(50.0), quiet))

    def clone(self) -> Bell:
        return Bell()


def test_what_the_clean_twin_alarms_for_as_well_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Contender, "create", lambda _: Bell())
    trial = prepared("one", course_of(RECORD, meter(28, 300.0)), 0, 3)
    found = injected._measured(trial, Contender("bell"))
    assert found.at[REQUESTED].clean.count > 20
    assert len(found.at[REQUESTED].found.found) > 10
    assert not found.at[REQUESTED].found.found.any()
