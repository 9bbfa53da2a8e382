"""People's words as page and API say them, on the ways of the command line: registry, arming, and the jobs table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kilowatch.app import arming
from kilowatch.core.device import ActsBy
from kilowatch.core.jobs import JobFailure, JobKind, ModelWish, SwitchWish
from kilowatch.core.records import JobState
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kilowatch.app.registry import Registry
    from kilowatch.core.device import DeviceRecord, Kind
    from kilowatch.core.events import LabelWord
    from kilowatch.core.jobs import RehearseWish
    from kilowatch.core.records import DeviceEdit, Job, LabelEntry, ModelChoice
    from kilowatch.links.database import Database

SWITCH_WITHIN_MS = 120_000
"""A wish to switch that nobody has carried out by then is void, as an intent is."""
# Choices of all kinds stand in one list: far enough for a kind that is seldom chosen.
_LOOK_BACK = 500


class PeoplesWords:
    """Keeps `kilowatch.web.ports.Words`. clock: the home's time, ms UTC. kinds: jobs that somebody here carries out.

    side: who owns a switch that nobody was given yet.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        clock: Callable[[], int],
        kinds: Iterable[JobKind] = (),
        side: ActsBy = ActsBy.EDGE,
        woken: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._registry, self._clock = database, registry, clock
        self._kinds, self._side, self._woken = frozenset(kinds), side, woken

    def arm(self, site: str, device: str, who: str) -> DeviceRecord:
        """Allow kilowatch to switch a device off."""
        return arming.arm(self._registry, site, device, who, self._clock(), self._side)

    def disarm(self, site: str, device: str, who: str) -> DeviceRecord:
        """Forbid switching a device off."""
        return arming.disarm(self._registry, site, device, who, self._clock())

    def protect(self, site: str, device: str, who: str, *, protected: bool) -> DeviceRecord:
        """Protect a device for good, or take that away."""
        return arming.protect(self._registry, site, device, who, self._clock(), protected=protected)

    def mute(self, site: str, device: str, until_ms: int, who: str) -> DeviceRecord:
        """Be silent about a device until a time, ms UTC; 0 ends it."""
        return self._registry.mute(site, device, until_ms, who, self._clock())

    def edit(self, site: str, device: str, wish: DeviceEdit, who: str) -> DeviceRecord:
        """Change what a person wants changed."""
        return self._registry.edit(site, device, wish, who, self._clock())

    def switch(self, site: str, device: str, who: str, *, on: bool) -> int:
        """Ask for a device to be switched, and return the job that says what came of it."""
        self._require(JobKind.SWITCH, "Switch it where its plug is reached: on the page of kilowatch run.")
        # Asked here too, and not only by who carries it out: a person learns at once why not.
        record = arming.known(self._registry, site, device)
        refusal = why_not_switched(record, self._side, on=on)
        if refusal is not None:
            raise refusal
        expires_ms = self._clock() + SWITCH_WITHIN_MS
        return self._ask(JobKind.SWITCH, SwitchWish(site=site, device=device, on=on, expires_ms=expires_ms), who)

    def label(self, incident: str, word: LabelWord, who: str) -> LabelEntry:
        """Say what an incident was."""
        return self._registry.label(incident, word, who, self._clock())

    def take_back(self, incident: str, who: str) -> LabelEntry:
        """Undo a person's word on an incident."""
        return self._registry.take_back(incident, who, self._clock())

    def acknowledge(self, incident: str, who: str) -> None:
        """Say that an incident is seen."""
        self._registry.acknowledge(incident, who, self._clock())

    def rehearse(self, wish: RehearseWish, who: str) -> int:
        """Ask what would have happened at several sensitivities, and return the job that will tell."""
        self._require(JobKind.REHEARSE, "Rehearse files with: kilowatch rehearse FILE.")
        return self._ask(JobKind.REHEARSE, wish, who)

    def give_up(self, job: int, who: str) -> None:
        """End a rehearsal that waits or runs; `ConfigError` where there is none to end."""
        given_up = msgspec.json.encode(JobFailure(error=f"{who} gave it up.", hint="Ask again when you like."))
        with self._database.begin() as transaction:
            known = transaction.jobs.get(job)
            if known is None or known.kind != JobKind.REHEARSE:
                raise ConfigError(f"Job {job} is no rehearsal.", "What a plug was told is not taken back that way.")
            if not transaction.jobs.finish(job, JobState.FAILED, given_up):
                raise ConfigError(f"Job {job} has ended already.", "Look at what came of it.")

    def choose_model(self, kind: Kind, live: str | None, shadow: str | None, who: str) -> ModelChoice:
        """Set which models, by SHA-256, judge a kind; what was chosen is kept for a way back."""
        choice = self._registry.choose_model(kind, live, shadow)
        wish = msgspec.json.encode(ModelWish(kind=kind, live=live, shadow=shadow))
        with self._database.begin() as transaction:
            job = transaction.jobs.ask(JobKind.CHOOSE_MODEL, wish, who, self._clock())
            transaction.jobs.finish(job, JobState.DONE, msgspec.json.encode(choice))
        return choice

    def roll_back_model(self, kind: Kind, who: str) -> ModelChoice:
        """Make the model live again that judged a kind before; `ConfigError` where none is known."""
        with self._database.read() as transaction:
            now = next((choice for choice in transaction.models.all() if choice.kind is kind), None)
            past = transaction.jobs.last(_LOOK_BACK, JobKind.CHOOSE_MODEL)
        wishes = (_choice(job) for job in past)
        before = [wish for wish in wishes if wish.kind is kind and wish.live != (None if now is None else now.live)]
        if now is None or not before:
            raise ConfigError(f"No other model is known to have judged {kind} before.", "Promote one by its hash.")
        return self.choose_model(kind, before[0].live, now.shadow, who)

    def why_not_armed(self, record: DeviceRecord) -> str | None:
        """Return what stands against arming a device, None where nothing does."""
        refusal = arming.why_not(record)
        return None if refusal is None else str(refusal)

    def _require(self, kind: JobKind, hint: str) -> None:
        if kind not in self._kinds:
            raise ConfigError(f"Nobody here carries out a wish to {kind}.", hint)

    def _ask(self, kind: JobKind, wish: msgspec.Struct, who: str) -> int:
        with self._database.begin() as transaction:
            job = transaction.jobs.ask(kind, msgspec.json.encode(wish), who, self._clock())
        self._woken()
        return job


def why_not_switched(record: DeviceRecord, side: ActsBy, *, on: bool) -> ConfigError | None:
    """Return what stands against a person's wish to switch a plug, None where nothing does."""
    name = f"{record.site} {record.device}"
    if record.protected and not on:
        return ConfigError(
            f"{record.device} is protected ({record.kind}): kilowatch never switches it off.",
            f"Pull its plug by hand, or first: kilowatch device unprotect {name}",
        )
    if record.plug is None:
        return ConfigError(
            f"{record.device} has no plug that could be switched.",
            f"Name it: kilowatch device set {name} plug=shelly2://192.168.1.20/0",
        )
    if record.acts_by not in (side, ActsBy.NONE):
        return ConfigError(
            f"The switch of {record.device} belongs to the {record.acts_by}.", "Ask there, or set acts_by."
        )
    return None


def _choice(job: Job) -> ModelWish:
    return msgspec.json.decode(job.wish, type=ModelWish)
