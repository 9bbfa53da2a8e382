"""Random histories of incidents, commands and crashes: at every call that a plug gets, everything allowed it.

The plug itself is the witness: when it is told, it looks at how the world stands at that moment.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from app.actor.stage import NOW_MS, ODD, DiedError, Staging
from kilowatch.core.acting import MAX_ATTEMPTS
from kilowatch.core.device import ActsBy, DeviceRecord, Stage
from kilowatch.core.events import ActionState, EventKind, IncidentEvent, Severity
from kilowatch.core.policy import EXPIRES_MS, HOUR_MS

if TYPE_CHECKING:
    from kilowatch.app.actor.actor import Actor

INCIDENTS = ("odd-1", "odd-2", "odd-3", "odd-4")


@dataclass(frozen=True)
class Told:
    """A call as the plug saw it: for which incident, at which site time, and how all stood then."""

    incident: str
    site_ms: int
    record: DeviceRecord
    event: IncidentEvent


@dataclass
class History:
    """A home whose plug writes down what it sees when it is told to switch off."""

    on_stage: Staging = field(default_factory=lambda: Staging(site_actions_per_hour=2, cooldown_s=1800.0))
    told: list[Told] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    actor: Actor = field(init=False)
    person_on_ms: int | None = None

    def __post_init__(self) -> None:
        self.on_stage.plug.on_told = self._witness
        self.actor = self.on_stage.actor()

    def _witness(self) -> None:
        stage = self.on_stage
        claimed = [step for step in stage.book.lasts() if step.state is ActionState.SENT]
        (action,) = claimed
        record, event = stage.world.records["home", "heater"], stage.world.events[action.id]
        self.told.append(Told(action.id, stage.world.site_ms, record, event))

    def pass_time(self, seconds: int) -> None:
        self.on_stage.clock.ms += 1000 * seconds
        self.on_stage.world.site_ms += 1000 * seconds

    def change(self, **fields: object) -> None:
        record = self.on_stage.world.records["home", "heater"]
        self.on_stage.world.records["home", "heater"] = msgspec.structs.replace(record, **fields)

    def hear(self, incident: str, age_s: int, **fields: object) -> None:
        now_ms = self.on_stage.world.site_ms
        version = self.versions[incident] = self.versions.get(incident, 1) + 1
        evidence = msgspec.structs.replace(
            ODD.evidence, windows=fields.pop("windows", 48), on_since_ms=self.person_on_ms or NOW_MS - HOUR_MS
        )
        event = msgspec.structs.replace(
            ODD, id=incident, version=version, last_ms=now_ms - 1000 * age_s, evidence=evidence, **fields
        )
        self.on_stage.world.events[incident] = event
        with contextlib.suppress(DiedError):
            self.actor.hear(event)
            self.actor.wait()

    def die(self, at: int, *, before: bool) -> None:
        """Die at a write of what comes next, and live again with the same book."""
        self.actor.close()
        book = self.on_stage.book
        book.dies_at, book.dies_before, book.writes = at, before, 0
        self.actor = self.on_stage.actor()
        with contextlib.suppress(DiedError):
            self.actor.resume()
            self.actor.wait()

    def live_on(self) -> None:
        self.actor.close()
        self.on_stage.book.dies_at = None
        self.actor = self.on_stage.actor()
        self.actor.resume()
        self.actor.wait()

    def switch_on(self) -> None:
        """A person's hand."""
        if not self.on_stage.plug.on:
            self.on_stage.plug.on = True
            self.person_on_ms = self.on_stage.world.site_ms


HAPPENINGS = st.one_of(
    st.tuples(st.just("time"), st.sampled_from([1, 30, 100, 600, 2000, 4000])),
    st.tuples(
        st.just("hear"),
        st.sampled_from(INCIDENTS),
        st.sampled_from([0, 60, 119, 200, 5000]),
        st.fixed_dictionaries(
            {},
            optional={
                "severity": st.sampled_from(Severity),
                "historical": st.booleans(),
                "windows": st.sampled_from([1, 2, 9]),
                "kind": st.sampled_from([EventKind.UPDATED, EventKind.CLEARED]),
            },
        ),
    ),
    st.tuples(
        st.just("change"),
        st.one_of(
            st.fixed_dictionaries({"stage": st.sampled_from(Stage)}),
            st.fixed_dictionaries({"protected": st.booleans()}),
            st.fixed_dictionaries({"acts_by": st.sampled_from(ActsBy)}),
            st.just({"stage": Stage.ARMED, "protected": False, "acts_by": ActsBy.EDGE}),
        ),
    ),
    st.tuples(st.just("die"), st.integers(1, 5), st.booleans()),
    st.tuples(st.just("live on")),
    st.tuples(st.just("switch on")),
    st.tuples(st.just("plug"), st.fixed_dictionaries({}, optional={"deaf": st.sampled_from([0, 1, 90])})),
)


@settings(deadline=None, max_examples=120)
@given(st.lists(HAPPENINGS, max_size=20))
def test_what_must_never_happen_never_happens(happenings: list[tuple[object, ...]]) -> None:
    history = History()
    for happening in happenings:
        _happen(history, *happening)
    history.live_on()
    history.actor.close()
    for one in history.told:
        assert_allowed(one)
    assert_one_action_each(history)
    assert_spaced(history.told)


def _happen(history: History, what: object, *details: object) -> None:
    if what == "time":
        history.pass_time(int(str(details[0])))
    elif what == "hear":
        assert isinstance(details[2], dict)
        history.hear(str(details[0]), int(str(details[1])), **details[2])
    elif what == "change":
        assert isinstance(details[0], dict)
        history.change(**details[0])
    elif what == "die":
        history.die(int(str(details[0])), before=bool(details[1]))
    elif what == "live on":
        history.live_on()
    elif what == "switch on":
        history.switch_on()
    elif isinstance(details[0], dict):
        history.on_stage.plug.deaf = details[0].get("deaf", 0)


def assert_allowed(one: Told) -> None:
    """Armed, not protected, ours, critical, confirmed, open, of the present."""
    assert one.record.stage is Stage.ARMED
    assert not one.record.protected
    assert one.record.acts_by is ActsBy.EDGE
    assert one.event.severity is Severity.CRITICAL
    assert one.event.evidence.windows >= 2
    assert one.event.kind is not EventKind.CLEARED
    assert not one.event.historical
    assert one.site_ms - one.event.last_ms <= EXPIRES_MS


def assert_one_action_each(history: History) -> None:
    for incident in INCIDENTS:
        states = [step.state for step in history.on_stage.book.steps(incident)]
        assert states.count(ActionState.CLAIMED) <= 1
        assert sum(one.incident == incident for one in history.told) <= states.count(ActionState.SENT) <= MAX_ATTEMPTS


def assert_spaced(told: list[Told]) -> None:
    """Two incidents' calls lie a cool-down apart, and no hour has more than two."""
    first: dict[str, int] = {}
    for one in told:
        first.setdefault(one.incident, one.site_ms)
    times = sorted(first.values())
    # a claim counts from when it was made, its call may come up to a minute later
    assert all(later - earlier >= 1_800_000 - 60_000 for earlier, later in pairwise(times))
    assert all(sum(0 <= other - at < HOUR_MS - 60_000 for other in times) <= 2 for at in times)


def test_the_witness_sees_what_it_must() -> None:
    history = History()
    history.hear("odd-1", 0)
    (one,) = history.told
    assert_allowed(one)
    assert one.incident == "odd-1"
