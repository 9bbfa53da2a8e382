"""A real Home Assistant on loopback, in a virtual environment of its own: its packages fit nobody else's."""

from __future__ import annotations

import shutil
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError

from supervisor.daemons import Daemon, Launch, bring_up, call
from supervisor.homeassistant_install import hass
from supervisor.places import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_S = 180.0
_ONBOARDING = Path(__file__).with_name("homeassistant_token.py")
_CONFIG = """homeassistant:
  name: Home
  time_zone: UTC
  unit_system: metric
http:
  server_host: {host}
  server_port: {port}
api:
config:
onboarding:
logger:
  default: warning
"""
PLUGS = """input_boolean:
  tv_relay: {name: TV relay, initial: true}
input_number:
  tv_watts: {name: TV watts, min: 0, max: 5000, initial: 90, mode: box}
switch:
  - platform: template
    switches:
      tv:
        friendly_name: TV
        value_template: "{{ is_state('input_boolean.tv_relay', 'on') }}"
        turn_on: {service: input_boolean.turn_on, target: {entity_id: input_boolean.tv_relay}}
        turn_off: {service: input_boolean.turn_off, target: {entity_id: input_boolean.tv_relay}}
template:
  - sensor:
      - name: TV power
        unit_of_measurement: W
        device_class: power
        state: "{{ states('input_number.tv_watts') if is_state('input_boolean.tv_relay', 'on') else 0 }}"
"""
"""A switch and the sensor of its power, made of what Home Assistant itself has."""


@dataclass(slots=True)
class HomeAssistant:
    """A server: its address, a long-lived token of its owner, and its process while it runs."""

    folder: Path
    port: int
    bound: bool = True
    token: str = ""
    daemon: Daemon | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start it, or start it again with what it has kept."""
        command = [str(hass()), "--config", str(self.folder), "--skip-pip"]
        env = {"PYTHONWARNINGS": "ignore"}
        launch = Launch("homeassistant", command, self.folder, env, bound=self.bound)
        self.daemon = bring_up(launch, self._is_ready, _START_S)
        if not self.token:
            self.token = call([str(hass().with_name("python")), str(_ONBOARDING), self.url], self.folder).strip()

    def stop(self) -> None:
        """Let it save what it keeps, and end."""
        if self.daemon is not None:
            self.daemon.stop(grace_s=30.0)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/", timeout=2) as answer:  # noqa: S310 - of our own making
                return bool(answer.status == 200)
        except HTTPError as error:
            return error.code == 401
        except (URLError, OSError):
            return False


def up(folder: Path, port: int | None = None, entities: str = PLUGS, *, bound: bool = True) -> HomeAssistant:
    """Start a Home Assistant that knows nobody, in an emptied folder, and become its owner.

    entities: what its configuration has besides the server itself, YAML.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = HomeAssistant(folder, port or free_port(), bound)
    (folder / "configuration.yaml").write_text(_CONFIG.format(host=HOST, port=server.port) + entities)
    server.start()
    return server


@contextmanager
def running(folder: Path, entities: str = PLUGS) -> Iterator[HomeAssistant]:
    """Give a Home Assistant that runs for as long as the block does."""
    server = up(folder, entities=entities)
    try:
        yield server
    finally:
        server.stop()
