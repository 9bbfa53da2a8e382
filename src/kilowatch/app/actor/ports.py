"""What the actor asks of the world: its book, the state of incidents and devices, plugs, and people to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.events import ActionEvent, IncidentEvent, Intent
    from kilowatch.core.policy import Moment
    from kilowatch.core.ports import Plug
    from kilowatch.core.records import AuditEntry


class ActionBook(Protocol):
    """Actions and audit on disk. What `write` returned from survives a power cut."""

    def write(self, action: ActionEvent | None, entry: AuditEntry | None) -> bool:
        """Add a step of an action, a line of audit, or both in one transaction.

        False, and nothing is written, where that step is there: another process has gone on with the action.
        """

    def steps(self, incident: str) -> list[ActionEvent]:
        """Return the steps of an incident's action, oldest first; none where it has had none."""

    def unfinished(self) -> list[ActionEvent]:
        """Return the last step of every action that is neither confirmed, unconfirmed nor refused."""

    def of_site(self, site: str, since_ms: int) -> list[ActionEvent]:
        """Return the last step of each of a site's actions with ts_ms >= since_ms, event time."""

    def rearmed_ms(self, site: str, device: str) -> int | None:
        """Return when a person last allowed switching again, event time."""

    def last_word(self, site: str, device: str, incident: str) -> AuditEntry | None:
        """Return the newest line of audit about an incident."""


class World(Protocol):
    """How things stand at this moment."""

    def incident(self, incident: str) -> IncidentEvent | None:
        """Return the latest event of an incident, None where nobody knows it."""

    def record(self, site: str, device: str) -> DeviceRecord | None:
        """Return a device's record as it is now."""

    def moment(self, site: str, device: str) -> Moment:
        """Return site time, and whether the device is silent at it."""


class Plugs(Protocol):
    """Where the plugs are."""

    def plug_of(self, record: DeviceRecord) -> Plug | None:
        """Return the plug of a device, None where it has none that can be switched."""


class Tell(Protocol):
    """Reaches people, or the topic of actions."""

    def action(self, event: ActionEvent) -> None:
        """Pass a step of an action on."""

    def escalate(self, event: ActionEvent, incident: IncidentEvent | None) -> None:
        """Tell a person that a plug did not obey, or that nobody knows whether it did."""


class Courier(Protocol):
    """Reaches the side that owns a switch which is not ours."""

    def ask(self, intent: Intent) -> None:
        """Let an intent travel there, its incident with it."""


class Clock(Protocol):
    """The wall clock that plugs are called by."""

    def now_ms(self) -> int:
        """Return ms UTC."""

    def pause(self, seconds: float) -> None:
        """Wait."""
