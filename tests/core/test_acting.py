"""How an action goes on, from every state and everything that a plug can say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.acting import FINAL, MAX_ATTEMPTS, SETTLES_MS, WITHIN_MS, Next, Standing, move
from kilowatch.core.events import ActionState
from kilowatch.core.ports import PlugReading

NOW_MS = 1_767_225_600_000
CLAIMED = Standing(ActionState.CLAIMED, attempt=0, claimed_ms=NOW_MS)
SENT = Standing(ActionState.SENT, attempt=1, claimed_ms=NOW_MS, sent_ms=NOW_MS + 1000)
ON = PlugReading(on=True, power_w=1800.0)
OFF = PlugReading(on=False, power_w=0.0)
STILL_FLOWS = PlugReading(on=False, power_w=1800.0)


def after(at: Standing, plug: PlugReading | None, ms: int = 2000) -> Next:
    return move(at, plug, NOW_MS + ms, off_below_w=2.0).next


def test_a_plug_that_is_on_is_switched_and_one_that_is_off_is_confirmed() -> None:
    assert after(CLAIMED, ON) is Next.SWITCH
    assert after(CLAIMED, OFF) is Next.CONFIRM
    assert after(SENT, OFF) is Next.CONFIRM
    assert move(CLAIMED, OFF, NOW_MS, 2.0).why == "it was off already"


def test_a_plug_without_a_meter_is_believed() -> None:
    assert after(SENT, PlugReading(on=False)) is Next.CONFIRM


def test_off_with_power_still_flowing_is_never_confirmed() -> None:
    assert after(SENT, STILL_FLOWS) is Next.READ
    assert after(SENT, STILL_FLOWS, WITHIN_MS) is Next.GIVE_UP
    assert after(replace(SENT, attempt=MAX_ATTEMPTS), STILL_FLOWS, 1000 + SETTLES_MS) is Next.GIVE_UP


def test_a_plug_that_stays_on_is_told_three_times_and_no_more() -> None:
    assert after(SENT, ON) is Next.SWITCH
    assert after(replace(SENT, attempt=MAX_ATTEMPTS), ON) is Next.GIVE_UP
    assert after(SENT, ON, WITHIN_MS) is Next.GIVE_UP


def test_a_plug_that_does_not_answer_is_asked_again_for_a_minute() -> None:
    assert after(SENT, None) is Next.READ
    assert after(SENT, None, WITHIN_MS) is Next.GIVE_UP


def test_somebody_who_switches_it_on_again_is_respected() -> None:
    assert after(replace(SENT, seen_off=True), ON) is Next.GIVE_UP


@pytest.mark.parametrize(
    ("changed_ms", "expected"),
    [(None, Next.GIVE_UP), (NOW_MS + 1000, Next.GIVE_UP), (NOW_MS + 1500, Next.GIVE_UP), (NOW_MS + 999, Next.SWITCH)],
)
def test_after_a_crash_only_a_plug_that_nobody_touched_is_told_again(changed_ms: int | None, expected: Next) -> None:
    plug = PlugReading(on=True, power_w=1800.0, changed_ms=changed_ms)
    assert after(replace(SENT, interrupted=True), plug) is expected


def test_after_a_crash_a_claim_that_was_never_sent_and_lies_back_too_long_is_given_up() -> None:
    assert after(replace(CLAIMED, interrupted=True), replace(ON, changed_ms=0), WITHIN_MS) is Next.GIVE_UP


@pytest.mark.parametrize("state", sorted(FINAL))
def test_what_is_finished_stays_finished(state: ActionState) -> None:
    assert after(replace(SENT, state=state), ON) is Next.DONE


PLUGS = st.one_of(
    st.none(),
    st.builds(
        PlugReading,
        on=st.booleans(),
        power_w=st.one_of(st.none(), st.floats(-5.0, 4000.0)),
        changed_ms=st.one_of(st.none(), st.integers(NOW_MS - 5000, NOW_MS + WITHIN_MS)),
    ),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(PLUGS, st.integers(0, 20_000), st.booleans()), max_size=40))
def test_whatever_a_plug_says_it_is_told_three_times_at_most_and_confirmed_only_when_off(
    story: list[tuple[PlugReading | None, int, bool]],
) -> None:
    at, now_ms, told = CLAIMED, NOW_MS, 0
    for plug, wait_ms, crashes in story:
        now_ms += wait_ms
        at = replace(at, interrupted=at.interrupted or (crashes and at.state is ActionState.SENT))
        step = move(at, plug, now_ms, 2.0)
        if step.next is Next.SWITCH:
            told += 1
            assert plug is not None
            assert plug.on
            assert now_ms - NOW_MS < WITHIN_MS
            at = replace(at, state=ActionState.SENT, attempt=at.attempt + 1, sent_ms=now_ms, interrupted=False)
        elif step.next is Next.CONFIRM:
            assert plug is not None
            assert not plug.on
            at = replace(at, state=ActionState.CONFIRMED)
        elif step.next is Next.GIVE_UP:
            at = replace(at, state=ActionState.UNCONFIRMED)
        elif plug is not None and not plug.on:
            at = replace(at, seen_off=True)
    assert told <= MAX_ATTEMPTS
