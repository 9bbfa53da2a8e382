"""A person's wish to switch a plug, carried out: claimed in the audit, asked again at the call, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kilowatch.app.words import why_not_switched
from kilowatch.core.jobs import SwitchDone, SwitchWish
from kilowatch.core.records import AuditEntry
from kilowatch.errors import ConfigError, PlugError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.actor.ports import Clock, Plugs
    from kilowatch.core.device import ActsBy, DeviceRecord
    from kilowatch.core.ports import Plug, PlugReading
    from kilowatch.core.records import Job
    from kilowatch.links.database import Database

# Three seconds in all: a relay needs less, and somebody waits before the page.
_TRIES = 6
_PAUSE_S = 0.5


class Switching:
    """Carries out jobs of kind `switch`. home_ms: the home's time, ms UTC. clock: the one that plugs are called by."""

    def __init__(
        self, database: Database, plugs: Plugs, home_ms: Callable[[], int], clock: Clock, side: ActsBy
    ) -> None:
        self._database, self._plugs, self._home_ms = database, plugs, home_ms
        self._clock, self._side = clock, side

    def __call__(self, job: Job) -> SwitchDone:
        """Switch, and return what the plug says then; `ConfigError` where it may not be, `PlugError` where it fails."""
        wish = msgspec.json.decode(job.wish, type=SwitchWish)
        record, plug = self._allowed(wish)
        way = "on" if wish.on else "off"
        # Before the plug is called: a process that dies in the call leaves a line that says what it was about.
        self._note(record, job.who, f"asked_{way}", f"A person wants it {way}.")
        try:
            if wish.on:
                plug.switch_on()
            else:
                plug.switch_off()
            seen = self._read_back(plug, on=wish.on)
        except PlugError as error:
            self._note(record, job.who, f"not_{way}", f"A person wanted it {way}: {error}")
            raise
        self._note(record, job.who, f"switched_{way}", f"A person switched it {way}, and the plug says so.")
        return SwitchDone(on=seen.on, power_w=seen.power_w)

    def _allowed(self, wish: SwitchWish) -> tuple[DeviceRecord, Plug]:
        if self._home_ms() > wish.expires_ms:
            raise ConfigError("The wish came too late: nothing was switched.", "Ask again.")
        with self._database.read() as transaction:
            known = transaction.devices.get(wish.site, wish.device)
        if known is None:
            raise ConfigError(f"Device {wish.device} of site {wish.site} is not known.", "Nothing was switched.")
        refusal = why_not_switched(known.record, self._side, on=wish.on)
        if refusal is not None:
            raise refusal
        plug = self._plugs.plug_of(known.record)
        if plug is None:
            raise ConfigError(f"{wish.device} has no plug that could be switched.", "Nothing was switched.")
        return known.record, plug

    def _read_back(self, plug: Plug, *, on: bool) -> PlugReading:
        for _ in range(_TRIES):
            seen = plug.read()
            if seen.on is on:
                return seen
            self._clock.pause(_PAUSE_S)
        raise PlugError(f"The plug was told and still says {'off' if on else 'on'}.", "Look at the device.")

    def _note(self, record: DeviceRecord, who: str, what: str, why: str) -> None:
        entry = AuditEntry(ts_ms=self._home_ms(), what=what, who=who, why=why, site=record.site, device=record.device)
        with self._database.begin() as transaction:
            transaction.audit.add(entry)
