"""kill -9 of `serve actor` in each state of an action and between them, on real Kafka and PostgreSQL.

At most one off for an incident, no confirmed off without a plug that is off, no incident forgotten: the plugs' own
logs are the witness.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy.engine import make_url

from app.actor.stage import HEATER, ODD
from app.live import until
from app.test_actor_kafka import DEVICE, PARTITIONS, calls, odd, tell
from kilowatch.app.registry import Registry
from kilowatch.core.acting import FINAL
from kilowatch.core.device import ActsBy, Stage
from kilowatch.core.events import ActionState
from kilowatch.core.records import DeviceEdit
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.wall import wall_ms
from kilowatch.sim.plugs import Make
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.core.events import ActionEvent, IncidentEvent
    from kilowatch.links.kafka.settings import Access
    from kilowatch.sim.plugs import SimPlug

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]
CLAIMED, SENT, CONFIRMED, UNCONFIRMED = (
    ActionState.CLAIMED,
    ActionState.SENT,
    ActionState.CONFIRMED,
    ActionState.UNCONFIRMED,
)
CONFIRMED_AFTER_ONE_CALL = (1, CONFIRMED)
A_PERSON_IS_ASKED = (0, UNCONFIRMED)
"""Written down as sent, killed before the call: nobody can tell, so nothing is called again."""
POINTS = {
    ("1", "before"): CONFIRMED_AFTER_ONE_CALL,
    ("1", "after"): CONFIRMED_AFTER_ONE_CALL,
    ("2", "before"): CONFIRMED_AFTER_ONE_CALL,
    ("2", "after"): A_PERSON_IS_ASKED,
    ("3", "before"): CONFIRMED_AFTER_ONE_CALL,
    ("3", "after"): CONFIRMED_AFTER_ONE_CALL,
}
"""Where it dies (version of the step, and whether it stands already): calls that the plug gets in all, and the end."""

CALM = "house-calm"
"""Where nobody dies: its one off shows that the last actor is at work."""


@dataclass
class Town:
    """Homes with one plug each, and an actor as a process that can be killed."""

    access: Access
    database: Database
    folder: Path
    environment: dict[str, str]
    plugs: dict[str, SimPlug]
    is_patient: bool = True
    lives: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def introduce(self) -> None:
        for site, plug in self.plugs.items():
            record = msgspec.structs.replace(
                HEATER, site=site, device=DEVICE, plug=plug.address, acts_by=ActsBy.CLOUD, stage=Stage.WATCHING
            )
            Registry(self.database).discover([record], wall_ms())
            Registry(self.database).edit(site, DEVICE, DeviceEdit(stage=Stage.ARMED), "anna", wall_ms())

    def live(self, *doom: str) -> subprocess.Popen[bytes]:
        """Begin a life of the actor. doom: at which step it dies, and whether before or after it is written.

        An impatient one does not wait until Kafka takes the one before for dead: offsets are the database's.
        """
        config = self.folder / "kilowatch.toml"
        group = "doomed" if self.is_patient else f"doomed-{len(self.lives)}"
        config.write_text(
            f'[kafka]\nbootstrap = "{self.access.bootstrap}"\npartitions = {PARTITIONS}\ngroup = "{group}"\n'
            "[policy]\ndry_run = false\n"
        )
        command = [sys.executable, str(Path(__file__).parent / "doomed_service.py"), str(config), *doom]
        environment = os.environ | self.environment | {"PYTHONPATH": str(Path(__file__).parents[2])}
        with (self.folder / f"{len(self.lives):02}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        self.lives.append(process)
        return process

    def end_of(self, site: str) -> ActionState | None:
        """Wait for the end of a home's action."""
        until(lambda: self.state(f"odd-{site}") in FINAL, f"{site} was forgotten: {self.said()}")
        return self.state(f"odd-{site}")

    def death_of(self, life: subprocess.Popen[bytes]) -> None:
        until(lambda: life.poll() is not None, f"it did not die: {self.said()}")
        assert life.returncode == -9, self.said()

    def close(self) -> None:
        for life in self.lives:
            life.kill()
            life.wait()
        self.database.close()

    def steps(self, incident: str) -> list[ActionEvent]:
        with self.database.read() as transaction:
            return transaction.actions.steps(incident)

    def state(self, incident: str) -> ActionState | None:
        steps = self.steps(incident)
        return steps[-1].state if steps else None

    def said(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in sorted(self.folder.glob("*.log")))


@pytest.fixture
def town(kafka_topics: Access, empty_database: str, tmp_path: Path) -> Iterator[Town]:
    url = make_url(empty_database)
    environment = {
        "KILOWATCH_DATABASE__URL": url._replace(password=None).render_as_string(),
        "KILOWATCH_DATABASE__PASSWORD": str(url.password),
    }
    plugs = {f"house-{number}": plug_of(Make.SHELLY2) for number in range(len(POINTS))} | {CALM: plug_of(Make.SHELLY2)}
    database = Database(DatabaseSettings(empty_database))
    database.upgrade()
    with host_of(*plugs.values()):
        made = Town(kafka_topics, database, tmp_path, environment, plugs)
        made.introduce()
        yield made
        made.close()


def odd_at(site: str, version: int = 2) -> IncidentEvent:
    return odd(0.0, f"odd-{site}", site=site, version=version)


def assert_safe(town: Town, site: str) -> None:
    """One claim and one end; what is confirmed is off, by the plug's own word."""
    steps, plug = town.steps(f"odd-{site}"), town.plugs[site]
    states = [step.state for step in steps]
    assert states.count(CLAIMED) == 1
    assert sum(state in FINAL for state in states) == 1
    assert calls(plug) <= states.count(SENT) <= 1
    assert (states[-1] is CONFIRMED) is not plug.outlet.is_on
    assert [step.version for step in steps] == list(range(1, len(steps) + 1))


@pytest.mark.timeout(900)
def test_an_actor_killed_at_each_point_leaves_what_its_successor_ends(town: Town) -> None:
    town.is_patient, before = False, None
    sites = [site for site in town.plugs if site != CALM]
    for site, (step, moment) in zip(sites, POINTS, strict=True):
        life = town.live(f"odd-{site}/{step}", moment)
        if before is not None:
            town.end_of(before)
        tell(town.access, odd_at(site))
        town.death_of(life)
        before = site
    last = town.live()
    town.end_of(site)
    tell(town.access, *(odd_at(site, version=3) for site in town.plugs))
    assert town.end_of(CALM) is CONFIRMED
    last.terminate()
    assert last.wait(60) == 0, town.said()
    for site, (number, end) in zip(sites, POINTS.values(), strict=True):
        assert_safe(town, site)
        assert (calls(town.plugs[site]), town.state(f"odd-{site}")) == (number, end), site
    with town.database.read() as transaction:
        asked = [line.site for line in transaction.audit.last(1000) if line.what == UNCONFIRMED]
    assert asked == ["house-3"], "a person is asked just where nobody can tell"


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_twenty_kills_at_random_moments_never_switch_twice_and_forget_nothing(town: Town) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    sites, told = [site for site in town.plugs if site != CALM], dict[str, int]()
    for number in range(20):
        life = town.live()
        site = sites[number % len(sites)]
        told[site] = told.get(site, 1) + 1
        tell(town.access, odd_at(site, told[site]))
        time.sleep(chance.uniform(1.5, 12.0))
        life.kill()
        life.wait()
    last = town.live()
    tell(town.access, *(odd_at(site, told.get(site, 1) + 1) for site in town.plugs))
    for site in town.plugs:
        town.end_of(site)
    last.terminate()
    assert last.wait(60) == 0, town.said()
    for site in town.plugs:
        assert_safe(town, site)


def test_the_incident_of_these_tests_is_one_that_is_switched_off() -> None:
    assert odd_at("house-0").severity is ODD.severity
    assert len(POINTS) == 6
