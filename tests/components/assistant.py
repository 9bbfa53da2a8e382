"""Home Assistant's own REST interface, as its page uses it: states, services, and the flows that add integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from supervisor.homeassistant import HomeAssistant

_FLOWS = "/api/config/config_entries/flow"


class AssistantApi:
    """One client with the owner's token."""

    def __init__(self, server: HomeAssistant) -> None:
        headers = {"Authorization": f"Bearer {server.token}"}
        self._http = httpx.Client(base_url=server.url, headers=headers, timeout=60.0)

    def state(self, entity: str) -> dict[str, Any]:
        """Return an entity's state with its attributes, empty where there is no such entity."""
        answer = self._http.get(f"/api/states/{entity}")
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found

    def entities(self, prefix: str = "") -> dict[str, str]:
        """Return the states of all entities whose id begins so."""
        states = self._http.get("/api/states").raise_for_status().json()
        return {one["entity_id"]: one["state"] for one in states if one["entity_id"].startswith(prefix)}

    def call(self, domain: str, service: str, **data: object) -> Any:
        """Call a service."""
        return self._http.post(f"/api/services/{domain}/{service}", json=data).raise_for_status().json()

    def add(self, integration: str, *steps: dict[str, object]) -> str:
        """Add an integration by the steps of its flow, each filled in with these answers; return the entry's id."""
        said = self._http.post(_FLOWS, json={"handler": integration}).raise_for_status().json()
        for step in steps:
            said = self._http.post(f"{_FLOWS}/{said['flow_id']}", json=step).raise_for_status().json()
        assert said["type"] == "create_entry", said
        entry: str = said["result"]["entry_id"]
        return entry

    def remove(self, entry: str) -> None:
        """Remove an integration."""
        self._http.delete(f"/api/config/config_entries/entry/{entry}").raise_for_status()

    def close(self) -> None:
        """Let connections go."""
        self._http.close()
