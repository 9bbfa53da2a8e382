"""Labels: what a repeat of each becomes, and how they are taken back."""

from __future__ import annotations

import msgspec
import pytest

from kilowatch.core.events import LabelWord
from kilowatch.core.excuses import HOUR_MS, Excuses, Happening, Oddity, Verdict

START_MS = 1_767_225_600_000
PARTY = Happening(
    incident="party",
    rules=("jump", "on_time"),
    first_ms=START_MS + 20 * HOUR_MS,
    last_ms=START_MS + 23 * HOUR_MS,
    local_ms=START_MS + 21 * HOUR_MS,
    low_w=900.0,
    high_w=1000.0,
)
AGAIN = Oddity(rule="on_time", observed_w=950.0, lasted_ms=HOUR_MS, local_ms=START_MS + (7 * 24 + 22) * HOUR_MS)


def labelled(*words: LabelWord) -> Excuses:
    excuses = Excuses()
    for version, word in enumerate(words, 1):
        assert excuses.rule(0, PARTY, word, version)
    return excuses


def odd(**changed: object) -> Oddity:
    return msgspec.structs.replace(AGAIN, **changed)


@pytest.mark.parametrize(
    ("word", "becomes"),
    [(LabelWord.WRONG, Verdict.DROP), (LabelWord.HARMLESS, Verdict.QUIET), (LabelWord.REAL, Verdict.TELL)],
)
def test_the_same_again(word: LabelWord, becomes: Verdict) -> None:
    assert labelled(word).judge(0, AGAIN) is becomes


@pytest.mark.parametrize(
    "other",
    [
        {"rule": "levels"},
        {"observed_w": 1200.0},
        {"observed_w": 700.0},
        {"lasted_ms": 4 * HOUR_MS},
    ],
)
@pytest.mark.parametrize("word", [LabelWord.WRONG, LabelWord.HARMLESS])
def test_what_is_not_the_same_is_told(word: LabelWord, other: dict[str, object]) -> None:
    assert labelled(word).judge(0, odd(**other)) is Verdict.TELL


@pytest.mark.parametrize(("hour", "becomes"), [(20, "quiet"), (1, "quiet"), (3, "tell"), (19, "tell"), (9, "tell")])
def test_harmless_is_so_at_its_hours_alone(hour: int, becomes: str) -> None:
    assert labelled(LabelWord.HARMLESS).judge(0, odd(local_ms=START_MS + (48 + hour) * HOUR_MS)) == becomes


def test_wrong_is_so_at_any_hour() -> None:
    assert labelled(LabelWord.WRONG).judge(0, odd(local_ms=START_MS + 57 * HOUR_MS)) is Verdict.DROP


def test_other_devices_are_not_excused() -> None:
    assert labelled(LabelWord.WRONG).judge(1, AGAIN) is Verdict.TELL


def test_an_excuse_never_hides_what_is_like_a_real_one() -> None:
    excuses = labelled(LabelWord.WRONG)
    excuses.rule(0, msgspec.structs.replace(PARTY, incident="fire"), LabelWord.REAL, 1)
    assert excuses.judge(0, AGAIN) is Verdict.TELL


def test_a_label_is_taken_back_and_an_older_word_changes_nothing() -> None:
    excuses = labelled(LabelWord.WRONG)
    undone = excuses.undo(0, "party", 2)
    assert undone is not None
    assert undone.word is LabelWord.WRONG
    assert excuses.judge(0, AGAIN) is Verdict.TELL
    assert not excuses.rule(0, PARTY, LabelWord.WRONG, 1)
    assert excuses.undo(0, "party", 2) is None
    assert not excuses.has_any(0)


def test_the_last_word_counts() -> None:
    assert labelled(LabelWord.WRONG, LabelWord.HARMLESS).judge(0, AGAIN) is Verdict.QUIET


def test_wrong_ones_come_back_into_learning_and_real_ones_stay_out() -> None:
    told = [(PARTY.first_ms, PARTY.last_ms), (0, 10)]
    assert labelled(LabelWord.WRONG).spans(0, told) == [(0, 10)]
    assert labelled(LabelWord.HARMLESS).spans(0, told) == told
    assert labelled(LabelWord.REAL).real_spans(0) == told[:1]
    assert labelled(LabelWord.WRONG).real_spans(0) == []
