"""Switches behind Home Assistant's REST interface.

It answers 200 to an off of an entity that does not exist: only the state read afterwards proves anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kilowatch.core.plug import PlugFailedError, PlugTrouble
from kilowatch.core.ports import PlugReading
from kilowatch.links.decode.report import UndecodableError
from kilowatch.links.decode.statestream import scale_of
from kilowatch.links.decode.times import with_offset
from kilowatch.links.plugs.answers import nonsense, object_of, switch_of
from kilowatch.links.plugs.http import PlugHttp

if TYPE_CHECKING:
    from kilowatch.links.plugs.address import PlugAddress
    from kilowatch.links.plugs.http import HttpSettings
    from kilowatch.links.plugs.login import Assistant

_GONE = frozenset({"unavailable", "unknown"})


class HomeAssistantPlug:
    """A switch entity, and where the address names them, the sensors of its power and energy."""

    def __init__(self, address: PlugAddress, settings: HttpSettings, assistant: Assistant) -> None:
        headers = {"Authorization": f"Bearer {assistant.token.reveal()}"}
        self._http = PlugHttp(assistant.url.rstrip("/"), settings, headers=headers)
        self._address = address

    def read(self) -> PlugReading:
        """Ask for the states of the switch and of its sensors."""
        switch = self._state(self._address.entity)
        power, energy = self._address.power_entity, self._address.energy_entity
        return PlugReading(
            on=switch_of(self._http, switch.get("state")),
            power_w=None if power is None else self._value(power, "power"),
            energy_wh=None if energy is None else self._value(energy, "energy"),
            # Older than our call it proves that nobody has touched the switch since: see `core.acting`.
            changed_ms=with_offset(switch.get("last_changed")),
        )

    def switch_off(self) -> None:
        """Call the service turn_off of the entity's domain."""
        self._call("turn_off")

    def switch_on(self) -> None:
        """Call the service turn_on of the entity's domain."""
        self._call("turn_on")

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    def _call(self, service: str) -> None:
        domain = self._address.entity.partition(".")[0]
        self._http.post(f"/api/services/{domain}/{service}", {"entity_id": self._address.entity})

    def _state(self, entity: str) -> dict[str, Any]:
        said = object_of(self._http, self._http.get(f"/api/states/{entity}"))
        if said.get("state") in _GONE:
            raise PlugFailedError(
                PlugTrouble.UNREACHABLE,
                f"Home Assistant says that {entity} is {said['state']}.",
                "Look there: the device behind it does not answer.",
            )
        return said

    def _value(self, entity: str, role: str) -> float:
        said = self._state(entity)
        attributes = said.get("attributes")
        unit = attributes.get("unit_of_measurement") if isinstance(attributes, dict) else None
        try:
            return float(str(said.get("state"))) * scale_of(unit, role)
        except (ValueError, UndecodableError) as error:
            raise nonsense(self._http, f"{entity} is not a {role}") from error
