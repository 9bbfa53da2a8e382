"""Labels on a stream: the same again is silent, hidden or told as the person said, and everything else as before."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from app.homes import DAY_MS, HOUR_MS, START_MS, fleet, home
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.core.events import WIRE_V, EventKind, IncidentEvent, Label, LabelWord, Undo
from kilowatch.core.learning import LearningPlan
from kilowatch.core.reading import ReadingBatch
from kilowatch.detectors.registry import create
from kilowatch.links.memory import MemoryHistory

DAYS = 5.0
PARTY, AGAIN, WORSE = (START_MS + day * DAY_MS + 20 * HOUR_MS for day in (2, 3, 4))


def odd(readings: ReadingBatch, from_ms: int, extra_w: float) -> ReadingBatch:
    """The meter with so much more for an hour."""
    rows = (readings.slot == 0) & (readings.ts_ms >= from_ms) & (readings.ts_ms < from_ms + HOUR_MS)
    return ReadingBatch(readings.slot, readings.ts_ms, np.where(rows, readings.power_w + extra_w, readings.power_w))


@pytest.fixture(scope="module")
def story() -> ReadingBatch:
    return odd(odd(odd(home(DAYS), PARTY, 3000.0), AGAIN, 3000.0), WORSE, 9000.0)


def live(story: ReadingBatch, *words: tuple[int, LabelWord | None]) -> list[IncidentEvent]:
    """Live through the story; at each time a person says a word on the party, or takes it back."""
    plan = LearningPlan(learning_days=2.0, refit_days=30.0)
    pipeline = Pipeline(fleet(), create("fleet"), MemoryHistory(), PipelineSettings(plan=plan))
    events: list[IncidentEvent] = []
    edges = sorted([START_MS, *(ts_ms for ts_ms, _ in words), START_MS + round(DAYS * DAY_MS)])
    said = dict(words)
    for version, (begin_ms, end_ms) in enumerate(itertools.pairwise(edges), 1):
        if begin_ms in said:
            party = next(event for event in events if event.device == "meter" and abs(event.first_ms - PARTY) < HOUR_MS)
            pipeline.label(word_on(party, said[begin_ms], version))
        for hour_ms in range(begin_ms, end_ms, 6 * HOUR_MS):
            until_ms = min(end_ms, hour_ms + 6 * HOUR_MS)
            events += pipeline.step(story.take((story.ts_ms >= hour_ms) & (story.ts_ms < until_ms))).events
    return events


def word_on(party: IncidentEvent, word: LabelWord | None, version: int) -> Label | Undo:
    known = {"v": WIRE_V, "id": f"w{version}", "version": version, "site": party.site, "device": party.device}
    known |= {"ts_ms": party.ts_ms, "incident": party.id}
    return Undo(**known) if word is None else Label(**known, label=word)  # type: ignore[arg-type]


def opened(events: list[IncidentEvent], around_ms: int, device: str = "meter") -> list[IncidentEvent]:
    near = (e for e in events if e.device == device and around_ms <= e.first_ms < around_ms + HOUR_MS)
    return [event for event in near if event.kind is EventKind.OPENED]


LATER = PARTY + 6 * HOUR_MS
LATEST = PARTY + 12 * HOUR_MS


def test_without_a_word_all_three_are_told(story: ReadingBatch) -> None:
    events = live(story)
    assert all(opened(events, at) for at in (PARTY, AGAIN, WORSE))


def test_wrong_keeps_a_repeat_silent_and_something_worse_is_still_found(story: ReadingBatch) -> None:
    events = live(story, (LATER, LabelWord.WRONG))
    assert not opened(events, AGAIN)
    assert opened(events, WORSE)


def test_wrong_changes_nothing_for_other_devices(story: ReadingBatch) -> None:
    told = [event.id for event in live(story) if event.device != "meter"]
    assert [event.id for event in live(story, (LATER, LabelWord.WRONG)) if event.device != "meter"] == told


def test_harmless_is_shown_and_not_notified(story: ReadingBatch) -> None:
    events = live(story, (LATER, LabelWord.HARMLESS))
    assert opened(events, AGAIN)[0].evidence.muted
    assert not opened(events, WORSE)[0].evidence.muted


def test_real_is_told_again(story: ReadingBatch) -> None:
    events = live(story, (LATER, LabelWord.REAL))
    assert opened(events, AGAIN)
    assert opened(events, WORSE)


def test_a_word_taken_back_leaves_all_as_it_was(story: ReadingBatch) -> None:
    events = live(story, (LATER, LabelWord.WRONG), (LATEST, None))
    assert opened(events, AGAIN)


def test_a_word_on_what_nobody_knows_is_no_error(story: ReadingBatch) -> None:
    pipeline = Pipeline(fleet(), create("fleet"), MemoryHistory())
    known = {"v": WIRE_V, "id": "w", "version": 1, "site": "home", "device": "meter", "ts_ms": START_MS}
    pipeline.label(Label(**known, incident="nobody", label=LabelWord.WRONG))  # type: ignore[arg-type]
    pipeline.label(Undo(**{**known, "device": "unknown"}, incident="nobody"))  # type: ignore[arg-type]
