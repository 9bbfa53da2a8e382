"""From samples to verdicts: what is scored, against which threshold, with which band, and what is worth a word."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.spies import Plain
from detectors.samples import GRID_MS, START_MS, Arrivals, series_of
from kilowatch.core.detector import Scores
from kilowatch.core.judge import Judge, Scorer
from kilowatch.core.on_since import OFF

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from kilowatch.core.incident import Hot
    from kilowatch.core.judged import Judged
    from kilowatch.core.samples import Samples
    from kilowatch.core.window import WindowView

LEAVE = 0.8
USUAL_W = 100.0


class Cold(Plain):
    """Stands in while a device is learnt: watts over 1 kW."""

    name = "cold"

    def score(self, samples: Samples, view: WindowView) -> Scores:
        return Scores((samples.power_w / 1000).astype(np.float32), facts={"mean_w": np.full(len(samples), 1000.0)})


class Led(Plain):
    """Two rules in one: the second leads where the score is high."""

    rules = ("small", "large")

    def score(self, samples: Samples, view: WindowView) -> Scores:
        scores = super().score(samples, view)
        return Scores(scores.raw, None, None, scores.facts, self.rules, (scores.raw > 30).astype(np.int8))


def scored_by(detector: Plain, devices: int = 2) -> tuple[Scorer, Judge]:
    """Devices that usually draw 100 W, with thresholds learnt from a past in which nothing happened."""
    scorer = Scorer(detector, Cold())
    judge = Judge(scorer, 1.0)
    for part in (scorer, judge):
        part.reserve(devices)
    rng = np.random.default_rng(0)
    past = series_of(USUAL_W + rng.normal(0, 2, 7 * 2880))
    for slot in range(devices):
        detector.fit(slot, past)
        judge.learn(slot, past, np.abs(past.power_w - USUAL_W) / np.float32(0.1 * USUAL_W))
    return scorer, judge


def verdicts(
    power_w: ArrayLike,
    detector: Plain | None = None,
    *,
    watching: NDArray[np.bool_] | bool = True,
    held: Iterable[int] = (),
    cuts: Iterable[int] = (),
) -> tuple[list[Judged], list[Hot]]:
    scorer, judge = scored_by(detector or Plain())
    live = Arrivals.of(power_w, held=held, start_ms=START_MS + 8 * 2880 * GRID_MS)
    seen = np.broadcast_to(watching, len(live))
    judged, hots = [], []
    edges = sorted({0, len(live), *cuts})
    for start, end in itertools.pairwise(edges):
        rows, samples = live.batch(start, end)
        part, hot = judge.judge(scorer.score(samples, seen[rows]), LEAVE)
        judged.append(part)
        hots += hot
    return judged, hots


def column(judged: list[Judged], name: str) -> list[float]:
    return [value for part in judged for value in getattr(part, name).tolist()]


def test_the_score_grows_with_the_distance_in_thresholds() -> None:
    usual, near, far = column(verdicts([100, 140, 180])[0], "score")
    assert usual < 0.2
    assert near > 1
    assert far == pytest.approx(2 * near, rel=1e-2)


def test_a_score_is_confirmed_by_the_second_of_three() -> None:
    judged, hots = verdicts([100, 100, 400, 100, 100, 100, 400, 100, 400, 100, 100, 100])
    score, confirmed = column(judged, "score"), column(judged, "confirmed")
    assert [value > 1 for value in score] == [row in {2, 6, 8} for row in range(12)]
    assert [value > 1 for value in confirmed] == [row == 8 for row in range(12)]
    worth = [hot for hot in hots if hot.score > 1]
    assert [hot.ts_ms for hot in worth] == [judged[0].samples.ts_ms[8]]
    assert worth[0].since_ms == judged[0].samples.ts_ms[6]
    assert worth[0].peak == pytest.approx(score[8])


def test_what_is_worth_a_word_tells_its_watts_its_band_and_its_rule() -> None:
    judged, hots = verdicts([400] * 3)
    hot = hots[-1]
    assert (hot.slot, hot.rule) == (0, "plain")
    assert hot.observed_w == pytest.approx(400, rel=2e-4)
    assert (hot.low_w, hot.high_w) == (judged[0].low_w[-1], judged[0].high_w[-1])
    assert "usually draws 100 W" in hot.phrase


def test_what_is_worth_a_word_tells_since_when_its_device_has_been_on_also_where_times_step_back() -> None:
    scorer, judge = scored_by(Plain(), 1)
    _, samples = Arrivals.of([400] * 6, start_ms=START_MS + 8 * 2880 * GRID_MS).batch()
    samples = replace(samples, ts_ms=samples.ts_ms - np.array([0, 0, 0, 0, 0, 4]) * GRID_MS)
    since_ms = np.array([7, 7, 7, 8, 8, OFF])
    _, hots = judge.judge(scorer.score(samples, np.ones(6, dtype=np.bool_)), LEAVE, since_ms)
    assert [hot.on_since_ms for hot in hots] == [7, 7, 8, 8, None]


def test_the_band_ends_where_the_score_is_one() -> None:
    judged, _ = verdicts([100])
    edges = column(judged, "low_w") + column(judged, "high_w")
    assert edges[0] < 100 < edges[1]
    at_the_edge, _ = verdicts(edges)
    assert column(at_the_edge, "score") == pytest.approx([1, 1], abs=5e-3)


def test_a_held_value_has_no_score_and_is_no_odd_sample() -> None:
    judged, hots = verdicts([400] * 6, held=[3, 4])
    assert np.isnan(column(judged, "score")).tolist() == [False, False, False, True, True, False]
    times = judged[0].samples.ts_ms
    assert not {hot.ts_ms for hot in hots} & set(times[3:5].tolist())


def test_a_device_that_is_being_learnt_is_scored_by_what_stands_in() -> None:
    judged, hots = verdicts([400, 400, 2000, 2000], watching=False)
    assert column(judged, "score") == pytest.approx([0.4, 0.4, 2.0, 2.0], rel=1e-3)
    assert {hot.rule for hot in hots} == {"cold"}
    assert "usually draws 1000 W" in hots[-1].phrase
    assert column(judged, "watching") == [False] * 4


def test_learning_and_watched_samples_share_a_batch() -> None:
    judged, _ = verdicts([400] * 4, watching=np.array([False, False, True, True]))
    cold, learnt = column(judged, "score")[:2], column(judged, "score")[2:]
    assert cold == pytest.approx([0.4, 0.4], rel=1e-3)
    assert learnt == column(verdicts([400] * 4)[0], "score")[2:]


def test_where_several_rules_are_one_detector_the_leader_signs() -> None:
    judged, hots = verdicts([200] * 3 + [900] * 3, Led())
    signed: Mapping[int, str] = {hot.ts_ms: hot.rule for hot in hots}
    times = judged[0].samples.ts_ms.tolist()
    assert signed[times[2]] == "small"
    assert signed[times[5]] == "large"
    assert np.isnan(column(judged, "high_w")).all()


def test_nothing_is_odd_about_a_device_without_a_threshold() -> None:
    scorer = Scorer(Plain(), Cold())
    judge = Judge(scorer)
    for part in (scorer, judge):
        part.reserve(1)
    _, samples = Arrivals.of([1e6] * 5).batch()
    judged, hots = judge.judge(scorer.score(samples, np.ones(5, dtype=np.bool_)), LEAVE)
    assert np.isnan(judged.score).all()
    assert hots == []


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([90, 100, 110, 300, 900]), min_size=1, max_size=60), st.sets(st.integers(1, 59)))
def test_no_cut_of_the_stream_changes_a_verdict(power_w: list[float], cuts: set[int]) -> None:
    held = [row for row in range(len(power_w)) if row % 7 == 3]
    whole, hots = verdicts(power_w, held=held)
    pieces, in_pieces = verdicts(power_w, held=held, cuts=[cut for cut in cuts if cut < len(power_w)])
    for name in ("score", "confirmed", "low_w", "high_w", "watching"):
        assert np.array_equal(column(whole, name), column(pieces, name), equal_nan=True)
    assert in_pieces == hots
