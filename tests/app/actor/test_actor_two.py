"""Two processes that hold the same home for a moment, and two sides that see the same fault: one off."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.actor.stage import HEATER, NOW_MS, ODD, DiedError, Staging
from kilowatch.app.actor.actor import Actor
from kilowatch.app.actor.ledger import ASKED, UNANSWERED
from kilowatch.core.device import ActsBy, Kind, Stage
from kilowatch.core.events import ActionState, EventKind, Intent, Severity, Want
from kilowatch.core.policy import EXPIRES_MS, Interlock

if TYPE_CHECKING:
    from collections.abc import Callable

CLAIMED, SENT, CONFIRMED = ActionState.CLAIMED, ActionState.SENT, ActionState.CONFIRMED
UNCONFIRMED, REFUSED = ActionState.UNCONFIRMED, ActionState.REFUSED


def test_a_claim_that_another_process_has_made_is_not_acted_on() -> None:
    first, second = Staging(), Staging()
    first.hear()
    second.book.write = first.book.write  # type: ignore[method-assign] # it looked before the first wrote
    second.hear()
    assert (first.plug.told, second.plug.told) == (1, 0)
    assert first.book.states() == [CLAIMED, SENT, CONFIRMED]


def test_who_was_overtaken_stops_before_the_call() -> None:
    on_stage = Staging()
    on_stage.plug.deaf = 1
    pause = on_stage.clock.pause

    def overtaken(seconds: float) -> None:
        pause(seconds)
        claimed = on_stage.book.steps(ODD.id)[-1]
        taken = msgspec.structs.replace(claimed, version=2, state=REFUSED, why="taken on elsewhere")
        on_stage.book.write(taken, None)

    on_stage.clock.pause = overtaken  # type: ignore[method-assign]
    assert on_stage.hear() == [CLAIMED, REFUSED]
    assert on_stage.plug.told == 0


def test_a_restart_does_not_write_the_same_decision_again() -> None:
    on_stage = Staging(msgspec.structs.replace(HEATER, protected=True))
    on_stage.hear()
    on_stage.hear()
    assert len(on_stage.book.audit) == 1


# --- cloud and edge ---


@dataclass
class Down:
    """The way down to the edge."""

    intents: list[Intent] = field(default_factory=list)

    def ask(self, intent: Intent) -> None:
        self.intents.append(intent)


def cloud(on_stage: Staging, down: Down) -> Actor:
    return Actor(
        on_stage.book,
        on_stage.world,
        on_stage,
        on_stage.told,
        on_stage.clock,
        replace(on_stage.rules, side=ActsBy.CLOUD),
        down,
    )


def asked(on_stage: Staging | None = None) -> tuple[Staging, Down]:
    on_stage, down = on_stage or Staging(), Down()
    cloud(on_stage, down).hear(ODD)
    return on_stage, down


def test_the_cloud_asks_the_edge_that_owns_the_switch_and_calls_nothing() -> None:
    on_stage, down = asked()
    (intent,) = down.intents
    assert (intent.id, intent.want, intent.expires_ms) == (ODD.id, Want.SWITCH_OFF, NOW_MS + EXPIRES_MS)
    assert intent.incident == ODD
    assert on_stage.plug.told == 0
    assert on_stage.book.steps(ODD.id) == []
    assert [line.what for line in on_stage.book.audit] == [ASKED]


@pytest.mark.parametrize(
    "record", [{"protected": True}, {"stage": Stage.WATCHING}, {"acts_by": ActsBy.NONE}, {"muted_until": NOW_MS + 1}]
)
def test_the_cloud_does_not_ask_for_what_may_not_be(record: dict[str, object]) -> None:
    on_stage, down = asked(Staging(msgspec.structs.replace(HEATER, **record)))
    assert down.intents == []
    assert on_stage.plug.told == 0


def test_the_edge_asks_its_own_interlocks_and_switches_once_however_often_it_is_asked() -> None:
    _, down = asked()
    edge = Staging()
    actor = edge.actor()
    edge.world.events[ODD.id] = ODD
    for _ in range(3):
        assert actor.answer(down.intents[0])
        actor.wait()
    actor.hear(ODD)
    assert edge.plug.told == 1
    assert edge.book.states() == [CLAIMED, SENT, CONFIRMED]
    assert {step.id for step in edge.told.actions} == {ODD.id}


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"protected": True}, "protected"),
        ({"stage": Stage.WATCHING}, "not_armed"),
        ({"acts_by": ActsBy.CLOUD}, "not_ours"),
    ],
)
def test_what_the_edge_forbids_is_refused_and_the_cloud_is_told_why(record: dict[str, object], why: str) -> None:
    _, down = asked()
    edge = Staging(msgspec.structs.replace(HEATER, **record))
    assert edge.actor().answer(down.intents[0])
    assert edge.plug.told == 0
    assert [step.state for step in edge.told.actions] == [REFUSED]
    assert why in edge.told.actions[0].why


def test_an_intent_that_was_under_way_for_too_long_is_refused() -> None:
    _, down = asked()
    edge = Staging()
    edge.world.site_ms = NOW_MS + EXPIRES_MS + 1
    edge.world.events[ODD.id] = msgspec.structs.replace(ODD, last_ms=edge.world.site_ms)
    assert edge.actor().answer(down.intents[0])
    assert edge.plug.told == 0
    assert "expired" in edge.told.actions[0].why


def test_what_the_edge_knows_of_the_incident_itself_counts_for_more() -> None:
    _, down = asked()
    edge = Staging()
    edge.world.events[ODD.id] = msgspec.structs.replace(ODD, kind=EventKind.CLEARED, version=9)
    assert edge.actor().answer(down.intents[0])
    assert edge.plug.told == 0
    assert "cleared" in edge.told.actions[0].why


def test_a_compressor_is_waited_for_and_then_switched_off() -> None:
    _, down = asked()
    hvac = msgspec.structs.replace(HEATER, kind=Kind.HVAC)
    since = msgspec.structs.replace(ODD.evidence, on_since_ms=NOW_MS - 290_000)
    edge = Staging(hvac)
    edge.world.events[ODD.id] = msgspec.structs.replace(ODD, evidence=since)
    actor = edge.actor()
    assert not actor.answer(down.intents[0])
    edge.world.site_ms += 11_000
    assert actor.answer(down.intents[0])
    actor.wait()
    assert edge.book.states() == [CLAIMED, SENT, CONFIRMED]


def test_an_edge_whose_own_evidence_lags_behind_is_not_held_to_what_it_had_seen_by_then() -> None:
    _, down = asked()
    edge = Staging()
    edge.world.events[ODD.id] = msgspec.structs.replace(ODD, severity=Severity.WARN)
    actor = edge.actor()
    assert not actor.answer(down.intents[0])
    edge.hear(ODD, actor)
    assert edge.book.states() == [CLAIMED, SENT, CONFIRMED]
    assert actor.answer(down.intents[0])
    assert edge.plug.told == 1


def test_a_refusal_is_the_end_on_both_sides_and_the_next_incident_is_judged_anew() -> None:
    above, down = asked()
    edge = Staging(msgspec.structs.replace(HEATER, stage=Stage.WATCHING))
    actor = edge.actor()
    assert actor.answer(down.intents[0])
    for step in edge.told.actions:
        above.book.write(step, None)
    edge.world.records["home", "heater"] = HEATER
    assert edge.hear(ODD, actor) == [REFUSED]
    assert cloud(above, down).hear(ODD) is None
    assert len(down.intents) == 1
    again = msgspec.structs.replace(ODD, id="odd-2")
    assert edge.hear(again, actor) == [CLAIMED, SENT, CONFIRMED]


def test_what_a_person_switched_on_again_neither_side_switches_off() -> None:
    above, down = asked(Staging(cooldown_s=0.0))
    edge = Staging(cooldown_s=0.0)
    edge.world.events[ODD.id] = ODD
    actor = edge.actor()
    actor.answer(down.intents[0])
    actor.wait()
    for step in edge.told.actions:
        above.book.write(step, None)
    edge.plug.on = True
    later_ms = NOW_MS + 600_000
    edge.world.site_ms = above.world.site_ms = later_ms
    since = msgspec.structs.replace(ODD.evidence, on_since_ms=NOW_MS + 300_000)
    again = msgspec.structs.replace(ODD, id="odd-2", last_ms=later_ms, evidence=since)
    intent = cloud(above, down).hear(again)
    assert intent is not None
    assert intent.blocked == (Interlock.PERSON_ON,)
    assert len(down.intents) == 1
    edge.hear(again, actor)
    forced = msgspec.structs.replace(down.intents[0], id="odd-2", incident=again, expires_ms=later_ms + EXPIRES_MS)
    assert not actor.answer(forced)
    assert edge.plug.told == 1
    assert edge.plug.on
    edge.book.rearmed = later_ms
    assert edge.hear(msgspec.structs.replace(again, version=9), actor) == [CLAIMED, SENT, CONFIRMED]


def test_an_edge_that_never_answers_is_noted() -> None:
    on_stage, down = Staging(), Down()
    actor = cloud(on_stage, down)
    actor.hear(ODD)
    actor.sweep()
    assert on_stage.book.audit[-1].what == ASKED
    on_stage.world.site_ms += EXPIRES_MS + 1
    actor.sweep()
    actor.sweep()
    assert [line.what for line in on_stage.book.audit] == [ASKED, UNANSWERED]


def test_a_restart_goes_on_with_its_own_actions_alone() -> None:
    on_stage = Staging()
    edge = Staging()
    edge.book.dies_at = 1
    with contextlib.suppress(DiedError):
        edge.hear()
    on_stage.book.actions = dict(edge.book.actions)
    actor = cloud(on_stage, Down())
    actor.resume()
    actor.wait()
    assert on_stage.book.states() == [CLAIMED]
    assert on_stage.plug.told == 0


# --- the same fault seen from both sides, over a link that is cut ---


@dataclass(frozen=True)
class Moment:
    """What happens next, s later."""

    what: str
    after_s: int


MOMENTS = st.builds(
    Moment,
    what=st.sampled_from(["edge sees", "cloud sees", "link carries", "link is cut", "edge dies", "person on", "sweep"]),
    after_s=st.sampled_from([0, 1, 20, 70, 130]),
)


class Tiers:
    """A cloud, an edge and the link between them."""

    def __init__(self) -> None:
        self.edge, self.above, self.down = Staging(), Staging(), Down()
        self.hand, self.mind = self.edge.actor(), cloud(self.above, self.down)
        self.is_up, self.carried = True, 0

    def live(self, moment: Moment) -> None:
        for side in (self.edge, self.above):
            side.clock.ms += 1000 * moment.after_s
            side.world.site_ms += 1000 * moment.after_s
        happenings: dict[str, Callable[[], object]] = {
            "edge sees": lambda: self._sees(self.edge, self.hand),
            "cloud sees": lambda: self._sees(self.above, self.mind),
            "edge dies": self._edge_dies,
            "person on": lambda: setattr(self.edge.plug, "on", True),
            "sweep": self.mind.sweep,
            "link carries": lambda: setattr(self, "is_up", True),
            "link is cut": lambda: setattr(self, "is_up", False),
        }
        happenings[moment.what]()
        if self.is_up:
            self._carry()
        self.hand.wait()

    def _sees(self, side: Staging, actor: Actor) -> None:
        event = msgspec.structs.replace(ODD, last_ms=side.world.site_ms)
        side.world.events[ODD.id] = event
        actor.hear(event)

    def _edge_dies(self) -> None:
        self.hand.close()
        self.hand = self.edge.actor()
        self.hand.resume()

    def _carry(self) -> None:
        for intent in self.down.intents[self.carried :]:
            self.edge.world.events.setdefault(ODD.id, intent.incident or ODD)
            self.hand.answer(intent)
        self.carried = len(self.down.intents)
        for step in self.edge.told.actions:
            self.above.book.write(step, None)


@settings(deadline=None, max_examples=60)
@given(st.lists(MOMENTS, max_size=12))
def test_over_any_order_of_sightings_cuts_and_deaths_there_is_one_off_at_most(moments: list[Moment]) -> None:
    tiers = Tiers()
    for moment in moments:
        tiers.live(moment)
    assert tiers.edge.plug.told <= 1
    assert tiers.above.plug.told == 0
    assert tiers.edge.book.states().count(CLAIMED) <= 1
    tiers.hand.close()
    tiers.mind.close()
