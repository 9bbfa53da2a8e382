"""Everything that page and API show, put together from what is live, the database and history."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.device import DeviceRecord, Kind, Stage
from kilowatch.core.events import EventKind
from kilowatch.core.history import step_for
from kilowatch.errors import ConfigError
from kilowatch.links.database.shadow import compared
from kilowatch.web.past import history_view, with_newest
from kilowatch.web.views import (
    DeviceCard,
    DevicePage,
    HistoryView,
    IncidentCard,
    IncidentPage,
    JobView,
    LiveDevice,
    ModelsPage,
    OpenIncident,
    Overview,
    Totals,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kilowatch.core.outputs_models import ModelFacts
    from kilowatch.core.ports import History
    from kilowatch.core.records import AuditEntry, Job, KnownDevice, KnownIncident
    from kilowatch.core.shadow import ShadowOutput
    from kilowatch.core.usage import DeviceDay
    from kilowatch.links.database import Database
    from kilowatch.web.ports import Live, Usage, Words

# Past any event, and within the 64 bits of a database's integer.
_LATEST_MS = 2**62
# Enough of the usual before and after for a reader to see what was odd between.
_AROUND_MS = 2 * 3_600_000
_POINTS = 480
_Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class HouseSettings:
    """What a person chose. fresh_s: how old the overview may be; browsers share one."""

    time_zone: str = "UTC"
    currency: str = "EUR"
    is_dry_run: bool = True
    fresh_s: float = 0.5


class NotKnownError(ConfigError):
    """There is no device, incident or job of that name."""


class House:
    """Questions that page and API ask; safe to share between threads. clock: the home's time, ms UTC.

    models: what the models in this process's folder say of themselves. `NotKnownError` where a device, incident or
    job is not known.
    """

    def __init__(
        self,
        live: Live,
        database: Database,
        history: History,
        words: Words,
        clock: Callable[[], int],
        usage: Usage | None = None,
        settings: HouseSettings | None = None,
        models: Callable[[], list[ModelFacts]] = list,
    ) -> None:
        self.live = live
        self.settings = settings or HouseSettings()
        self._database, self._history, self._words = database, history, words
        self._clock, self._usage, self._models = clock, usage, models
        self._lock = threading.Lock()
        self._seen: tuple[float, Overview] | None = None

    @property
    def now_ms(self) -> int:
        """The home's time, ms UTC."""
        return self._clock()

    def overview(self) -> Overview:
        """Return every device and the sum of them."""
        # Held while it looks: browsers that ask meanwhile share that look instead of taking their own.
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen[0] >= self.settings.fresh_s:
                self._seen = time.monotonic(), self._overview()
            return self._seen[1]

    def touched(self) -> None:
        """Look anew at the next question: a person has just changed something."""
        with self._lock:
            self._seen = None

    def device(self, site: str, device: str) -> DevicePage:
        """Return all that is known of one device but its history."""
        with self._database.read() as transaction:
            known = transaction.devices.get(site, device)
            incidents = transaction.incidents.between(0, _LATEST_MS, site, device, limit=50)
            choices = transaction.models.all()
        if known is None:
            raise unknown_device(site, device)
        today = {(day.site, day.device): day for day in self._today()}
        still_open = [one for one in incidents if one.cleared_ms is None]
        live = self.live.of(site, device)
        return DevicePage(
            card=_card(known.record, live, still_open, today.get((site, device)), self.now_ms),
            record=known.record,
            edited=sorted(known.edited),
            first_seen_ms=known.first_ms,
            threshold_words=self.live.threshold_words(site, device),
            model=next((one.live for one in choices if one.kind is known.record.kind), None),
            why_not_armed=self._words.why_not_armed(known.record),
            incidents=incidents,
        )

    def history(self, site: str, device: str, from_ms: int, to_ms: int, points: int = _POINTS) -> HistoryView:
        """Return a device's past in at most `points` buckets; what is newer than history, from what is live."""
        with self._database.read() as transaction:
            known = transaction.devices.get(site, device)
        if known is None:
            raise unknown_device(site, device)
        series = self._history.query(site, device, from_ms, to_ms, points)
        # A sample stands for the time up to its ts_ms: the one at from_ms lies before the span.
        newest = self.live.recent(site, device, from_ms + 1)
        series = with_newest(series, newest, to_ms, step_for(from_ms, to_ms, points))
        return history_view(known.record, series, from_ms, to_ms)

    def incidents(
        self,
        site: str | None = None,
        device: str | None = None,
        *,
        before_ms: int = _LATEST_MS,
        from_ms: int = 0,
        after_id: str | None = None,
        only_open: bool = False,
        limit: int = 100,
    ) -> list[IncidentCard]:
        """Return incidents, newest first; before_ms and after_id: of the last incident of the page before."""
        with self._database.read() as transaction:
            found = transaction.incidents.between(
                from_ms, before_ms, site, device, limit, after_id=after_id, only_open=only_open
            )
            states = transaction.actions.states([one.event.id for one in found])
        return [IncidentCard(incident=one, action=states.get(one.event.id)) for one in found]

    def incident(self, incident: str) -> IncidentPage:
        """Return an incident with what was expected, what was done and why, and the window around it."""
        with self._database.read() as transaction:
            known = transaction.incidents.get(incident)
            if known is None:
                raise unknown_incident(incident)
            audit = transaction.audit.of_incident(incident)
            actions = transaction.actions.steps(incident)
            labels = transaction.labels.versions(incident)
        event = known.event
        until_ms = (known.cleared_ms or max(event.last_ms, self.now_ms)) + _AROUND_MS
        window = self.history(event.site, event.device, event.first_ms - _AROUND_MS, until_ms)
        return IncidentPage(incident=known, audit=audit, actions=actions, labels=labels, window=window)

    def audit(self, limit: int = 100, site: str | None = None, device: str | None = None) -> list[AuditEntry]:
        """Return the newest lines of the audit, newest first."""
        with self._database.read() as transaction:
            return transaction.audit.last(limit, site, device)

    def models(self) -> ModelsPage:
        """Return which models judge which kinds, and which there are."""
        with self._database.read() as transaction:
            choices = transaction.models.all()
        return ModelsPage(choices=choices, models=self._models())

    def shadow(self, kind: Kind) -> ShadowOutput | None:
        """Return where a candidate and the live model of a kind disagree; None where nothing scores in shadow."""
        with self._database.read() as transaction:
            return compared(transaction, kind)

    def jobs(self, limit: int = 50) -> list[JobView]:
        """Return the newest jobs, newest first."""
        with self._database.read() as transaction:
            return [_job(job) for job in transaction.jobs.last(limit)]

    def job(self, job: int) -> JobView:
        """Return a job and how far it has come."""
        with self._database.read() as transaction:
            known = transaction.jobs.get(job)
        if known is None:
            raise NotKnownError(f"Job {job} is not known.", "List them with GET /api/v1/jobs.")
        return _job(known)

    def check(self) -> None:
        """Return where the database answers; `ComponentError` where it does not."""
        with self._database.read() as transaction:
            # Any small question serves; there are no more choices than kinds, and probes ask every few seconds.
            transaction.models.all()

    def require_device(self, site: str, device: str) -> None:
        """Return where a device is known."""
        with self._database.read() as transaction:
            if transaction.devices.get(site, device) is None:
                raise unknown_device(site, device)

    def require_incident(self, incident: str) -> None:
        """Return where an incident is known."""
        with self._database.read() as transaction:
            if transaction.incidents.get(incident) is None:
                raise unknown_incident(incident)

    def _today(self) -> Iterable[DeviceDay]:
        return () if self._usage is None else self._usage.today()

    def _overview(self) -> Overview:
        with self._database.read() as transaction:
            known = transaction.devices.all()
            still_open = transaction.incidents.open()
        live, now_ms = self.live.all(), self.now_ms
        today = {(day.site, day.device): day for day in self._today()}
        odd: dict[_Name, list[KnownIncident]] = {}
        for one in still_open:
            odd.setdefault((one.event.site, one.event.device), []).append(one)
        cards = [_card_of(one, live, odd, today, now_ms) for one in known]
        return Overview(
            now_ms=now_ms,
            is_dry_run=self.settings.is_dry_run,
            totals=_totals(cards, len(still_open), self.settings.currency),
            armed=[f"{card.site}/{card.device}" for card in cards if card.is_armed],
            protected=[f"{card.site}/{card.device}" for card in cards if card.is_protected],
            devices=cards,
        )


def unknown_device(site: str, device: str) -> NotKnownError:
    """Return that a device is not known."""
    return NotKnownError(f"Device {device} of site {site} is not known.", "List them with: kilowatch device list.")


def unknown_incident(incident: str) -> NotKnownError:
    """Return that an incident is not known."""
    return NotKnownError(f"Incident {incident} is not known.", "Incidents have ids of 16 letters and digits.")


def _card_of(
    known: KnownDevice,
    live: Mapping[_Name, LiveDevice],
    odd: Mapping[_Name, list[KnownIncident]],
    today: Mapping[_Name, DeviceDay],
    now_ms: int,
) -> DeviceCard:
    name = known.record.site, known.record.device
    now = live.get(name) or LiveDevice(site=name[0], device=name[1])
    return _card(known.record, now, odd.get(name, []), today.get(name), now_ms)


def _card(
    record: DeviceRecord, live: LiveDevice, still_open: list[KnownIncident], today: DeviceDay | None, now_ms: int
) -> DeviceCard:
    muted_until_ms = record.muted_until if (record.muted_until or 0) > now_ms else None
    return DeviceCard(
        live=live,
        site=record.site,
        device=record.device,
        kind=record.kind,
        stage=record.stage,
        is_armed=record.stage is Stage.ARMED and not record.protected,
        is_protected=record.protected,
        acts_by=record.acts_by,
        plug=record.plug,
        muted_until_ms=muted_until_ms,
        incident=_worst(still_open),
        today=today,
    )


def _worst(still_open: list[KnownIncident]) -> OpenIncident | None:
    told = [one.event for one in still_open if one.event.kind is not EventKind.CLEARED]
    if not told:
        return None
    event = max(told, key=lambda one: (one.score, one.first_ms))
    return OpenIncident(id=event.id, severity=event.severity, first_ms=event.first_ms, sentence=event.sentence)


def _totals(cards: list[DeviceCard], open_incidents: int, currency: str) -> Totals:
    counted = _counted(cards)
    days = [card.today for card in counted if card.today is not None]
    return Totals(
        # What a silent device drew last says nothing of now.
        power_w=round(sum(card.live.power_w or 0.0 for card in counted if not card.live.is_silent), 1),
        devices=len(cards),
        silent=sum(card.live.is_silent for card in cards),
        learning=sum(card.stage is Stage.LEARNING for card in cards),
        open_incidents=open_incidents,
        energy_today_wh=sum(day.energy_wh for day in days) if days else None,
        cost_today=sum(day.cost for day in days) if days else None,
        currency=currency,
    )


def _counted(cards: list[DeviceCard]) -> list[DeviceCard]:
    """Return the devices that add up: a site's meters where it has any, for its plugs are measured twice, else all."""
    metered = {card.site for card in cards if card.kind is Kind.METER}
    return [card for card in cards if card.site not in metered or card.kind is Kind.METER]


def _job(job: Job) -> JobView:
    return JobView(
        id=job.id,
        kind=job.kind,
        state=job.state,
        who=job.who,
        asked_ms=job.asked_ms,
        wish=msgspec.Raw(job.wish),
        result=None if job.result is None else msgspec.Raw(job.result),
    )
