"""kill -9 of `kilowatch run` in each state of an action and between them: readings, judge, plugs over HTTP, all real.

At most one off for an incident, no confirmed off without a plug that is off, no incident forgotten: the plugs' own
logs are the witness.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import msgspec
import numpy as np
import pytest
from supervisor.places import free_port

from app.live import until
from app.services import TOKEN
from kilowatch.app.registry import Registry
from kilowatch.core.acting import FINAL
from kilowatch.core.device import Stage
from kilowatch.core.events import WIRE_V, ActionState, ReadingColumns
from kilowatch.core.records import DeviceEdit
from kilowatch.core.staleness import STALE
from kilowatch.errors import KilowatchError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.wall import wall_ms
from kilowatch.sim.plugs import Make
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kilowatch.core.events import ActionEvent, IncidentEvent
    from kilowatch.sim.plugs import SimPlug

CLAIMED, SENT, CONFIRMED, UNCONFIRMED = (
    ActionState.CLAIMED,
    ActionState.SENT,
    ActionState.CONFIRMED,
    ActionState.UNCONFIRMED,
)
POINTS = {
    ("1", "before"): (1, CONFIRMED),
    ("1", "after"): (1, CONFIRMED),
    ("2", "before"): (1, CONFIRMED),
    # Written down as sent, killed before the call: nobody can tell, so nothing is called again.
    ("2", "after"): (0, UNCONFIRMED),
    ("3", "before"): (1, CONFIRMED),
    ("3", "after"): (1, CONFIRMED),
}
"""Where it dies (version of the step, and whether it stands already): calls that the plug gets in all, and the end."""
CALM = "calm"
"""Where nobody dies: its one off shows that the last life is at work."""
STEP_MS, DAY_MS = 120_000, 86_400_000
LEARNT_DAYS, ODD_STEPS = 3, 3
"""Odd for so long that it is switched off at the last of these readings: evidence older than 2 min would not count."""
USUAL_W, ODD_W = 11.0, 2000.0
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Home:
    """Plugs with a heater each, and a `kilowatch run` that can be killed; readings are pushed to it."""

    folder: Path
    plugs: dict[str, SimPlug]
    port: int = field(default_factory=free_port)
    lives: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "data").mkdir()
        self.database = Database(DatabaseSettings(f"sqlite:///{self.folder / 'data' / 'kilowatch.db'}"))

    def settle(self) -> None:
        """Let the devices be learnt in a first life, and a person arm them."""
        self._config().write_text(self._settings())
        first = self.live()
        until_ms = wall_ms() - (ODD_STEPS + 2) * STEP_MS
        past_ms = np.arange(until_ms - LEARNT_DAYS * DAY_MS, until_ms, STEP_MS, dtype=np.int64)
        for times_ms in np.split(past_ms, LEARNT_DAYS):
            # All devices together, as they would have come: a day of history is closed once.
            names = np.tile(list(self.plugs), len(times_ms)).tolist()
            self._push(names, np.repeat(times_ms, len(self.plugs)), USUAL_W, backfill=True)
        until(lambda: self._stages() == {Stage.WATCHING}, f"not all were learnt: {self.said()}")
        for device in self.plugs:
            Registry(self.database).edit("home", device, DeviceEdit(stage=Stage.ARMED), "anna", wall_ms())
        first.terminate()
        assert first.wait(60) == 0, self.said()

    def live(self, *doom: str) -> subprocess.Popen[bytes]:
        """Begin a life. doom: at which step it dies, and whether before or after it is written."""
        command = [sys.executable, str(Path(__file__).parent / "doomed_run.py"), str(self._config()), *doom]
        environment = os.environ | {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "KILOWATCH_SOURCES__PUSH__TOKEN": TOKEN,
        }
        with (self.folder / f"{len(self.lives):02}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        self.lives.append(process)
        return process

    def go_wrong(self, device: str) -> None:
        """Push readings of a heater that has not stopped for some minutes, the last of this moment."""
        self._push([device] * ODD_STEPS, wall_ms() - STEP_MS * np.arange(ODD_STEPS, dtype=np.int64)[::-1], ODD_W)

    def death_of(self, life: subprocess.Popen[bytes]) -> None:
        until(lambda: life.poll() is not None, f"it did not die: {self.said()}")
        assert life.returncode == -signal.SIGKILL, self.said()

    def end_of(self, device: str) -> None:
        until(lambda: any(step.state in FINAL for step in self.steps(device)), f"{device} was forgotten: {self.said()}")

    def steps(self, device: str) -> list[ActionEvent]:
        """Every step of the actions of a device's incidents, in their order."""
        with self.database.read() as transaction:
            return [step for one in self.incidents(device) for step in transaction.actions.steps(one.id)]

    def incidents(self, device: str) -> list[IncidentEvent]:
        with self.database.read() as transaction:
            found = [known.event for known in transaction.incidents.between(0, 2**60)]
        return [event for event in found if event.device == device and event.rule != STALE]

    def said(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        for life in self.lives:
            life.kill()
            life.wait()
        self.database.close()

    def _push(self, devices: list[str], ts_ms: NDArray[np.int64], power_w: float, *, backfill: bool = False) -> None:
        """Send readings until they are safe, or the process is dead."""
        # Bounded: what is odd by chance while it is learnt is history, and so is what follows within the hour.
        watts = np.round(power_w + np.random.default_rng(0).uniform(-0.4, 0.4, len(ts_ms)), 1)
        body = msgspec.json.encode(
            ReadingColumns(
                v=WIRE_V,
                site="home",
                device=devices,
                ts_ms=ts_ms.tolist(),
                power_w=watts.tolist(),
                backfill=[True] * len(ts_ms) if backfill else None,
            )
        )
        with httpx.Client(headers=HEADERS, timeout=30, trust_env=False) as client:
            until(partial(self._is_taken, client, body), f"nothing is taken: {self.said()}")

    def _is_taken(self, client: httpx.Client, body: bytes) -> bool:
        try:
            return client.post(f"http://127.0.0.1:{self.port}/v1/readings", content=body).is_success
        except httpx.TransportError:
            time.sleep(0.1)
            return self.lives[-1].poll() is not None

    def _stages(self) -> set[Stage]:
        try:
            return {record.stage for record in Registry(self.database).records()}
        except KilowatchError:
            return set()

    def _config(self) -> Path:
        return self.folder / "kilowatch.toml"

    def _settings(self) -> str:
        devices = "".join(
            f'[devices.{device}]\nkind = "heater"\nplug = "{plug.address}"\npoll = false\ninterval_s = 120\n'
            'acts_by = "edge"\n'
            for device, plug in self.plugs.items()
        )
        return (
            '[data]\nfolder = "data"\n[web]\nenabled = false\n[detector]\nname = "hour_of_week"\nlearning_days = 2.9\n'
            "[policy]\ndry_run = false\nsite_actions_per_hour = 100\n"
            f"[sources.push]\nenabled = true\nport = {self.port}\n{devices}"
        )


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    plugs = {f"heater{number}": plug_of(Make.SHELLY2) for number in range(len(POINTS))}
    plugs[CALM] = plug_of(Make.SHELLY2)
    with host_of(*plugs.values()):
        made = Home(tmp_path, plugs)
        try:
            made.settle()
            yield made
        finally:
            made.close()


def calls(plug: SimPlug) -> list[bool]:
    return [seen.switched for seen in plug.seen if seen.switched is not None]


def assert_safe(home: Home, device: str) -> None:
    """One incident, one claim and one end; what is confirmed is off, by the plug's own word."""
    steps, plug = home.steps(device), home.plugs[device]
    states = [step.state for step in steps]
    assert len(home.incidents(device)) == 1
    assert states.count(CLAIMED) == 1
    assert sum(state in FINAL for state in states) == 1
    assert len(calls(plug)) <= states.count(SENT) <= 1
    assert (states[-1] is CONFIRMED) is not plug.outlet.is_on
    assert [step.version for step in steps] == list(range(1, len(steps) + 1))


@pytest.mark.timeout(300)
def test_a_run_killed_at_each_point_leaves_what_its_successor_ends(home: Home) -> None:
    doomed, before = [device for device in home.plugs if device != CALM], None
    for device, (step, moment) in zip(doomed, POINTS, strict=True):
        life = home.live(f"{device}/{step}", moment)
        if before is not None:
            home.end_of(before)
        home.go_wrong(device)
        home.death_of(life)
        before = device
    last = home.live()
    home.go_wrong(CALM)
    for device in home.plugs:
        home.end_of(device)
    last.terminate()
    assert last.wait(60) == 0, home.said()
    for device, (number, end) in zip(doomed, POINTS.values(), strict=True):
        assert_safe(home, device)
        assert (calls(home.plugs[device]), home.steps(device)[-1].state) == ([False] * number, end), device
    assert_safe(home, CALM)
    assert calls(home.plugs[CALM]) == [False]


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_twenty_kills_at_random_moments_never_switch_twice_and_forget_nothing(home: Home) -> None:
    chance, devices = random.Random(7), list(home.plugs)  # noqa: S311 - no secret
    for number in range(20):
        life = home.live()
        if number % 3 == 0:
            home.go_wrong(devices[number // 3])
        time.sleep(chance.uniform(0.0, 4.0))
        life.kill()
        life.wait()
    last = home.live()
    for device in home.plugs:
        # What a process that died had not taken yet was lost on its way; the heater has not stopped.
        home.go_wrong(device)
        home.end_of(device)
    last.terminate()
    assert last.wait(60) == 0, home.said()
    for device in home.plugs:
        assert_safe(home, device)
