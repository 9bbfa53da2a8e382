"""`serve web` among real services: what Kafka carries is in the API, and a word said there changes what is done."""

from __future__ import annotations

import http.client
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import numpy as np
import pytest
from sqlalchemy.engine import make_url
from supervisor.places import free_port

from app.live import until, values_in
from app.services import PARTITIONS, Services, is_there, told
from kilowatch.app.registry import Registry
from kilowatch.core.device import ActsBy, DeviceRecord, Kind
from kilowatch.core.events import WIRE_V, ReadingColumns
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.kafka.topics import Topic, partition_of
from kilowatch.links.kafka.writer import Writer
from kilowatch.links.wall import wall_ms
from kilowatch.sim.plugs import Make
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kilowatch.links.kafka.settings import Access
    from kilowatch.sim.plugs import SimPlug

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]
TOKEN = "word-of-a-test-town"  # noqa: S105 - of services that live for one test
HOUR_MS, STEP_MS = 3_600_000, 30_000
SITE, DEVICE, TWIN = "home", "router", "twin"
"""The plug's appliance that draws day and night, to the cloud a heater, and one that draws the same."""
SETTINGS = '[detector]\nname = "jump"\nlearning_days = 1.0\n[web]\nport = {web}\n[data]\nfolder = "{data}"\n'


@dataclass
class Town:
    """The services of a cluster, a plug, and a caller of the API."""

    services: Services
    access: Access
    database: Database
    plug: SimPlug
    api: httpx.Client
    probes: httpx.Client
    start_ms: int

    def is_on(self) -> bool:
        return self.plug.outlet.is_on

    def start(self, label: str, metrics_port: int) -> None:
        self.services.environment["KILOWATCH_METRICS__PORT"] = str(metrics_port)
        self.services.environment["KILOWATCH_METRICS__ENABLED"] = "true"
        self.services.start(label)

    def introduce(self) -> None:
        twin = DeviceRecord(site=SITE, device=TWIN, kind=Kind.HEATER, interval_s=30.0, protected=False)
        heater = msgspec.structs.replace(twin, device=DEVICE, plug=self.plug.address, acts_by=ActsBy.CLOUD)
        Registry(self.database).discover([heater, twin], wall_ms())

    def publish(self, from_h: float, to_h: float) -> float:
        """Publish hours of a course that is odd from 14 to 15 o'clock of every day but the first; return the last."""
        seq = np.arange(round(from_h * 120), round(to_h * 120))
        hour = seq / 120
        noise = np.random.default_rng(seq[0]).normal(0, 15, len(seq))
        power_w = np.round(500 + 300 * np.sin(hour * np.pi / 12) + noise, 1)
        power_w = np.where((hour > 26) & (hour % 24 >= 14) & (hour % 24 < 15) & (seq % 2 == 0), 9000.0, power_w)
        writer = Writer(self.access)
        for rows in np.array_split(np.arange(len(seq)), len(seq) // 100):
            batch = ReadingColumns(
                v=WIRE_V,
                site=SITE,
                device=[DEVICE, TWIN] * len(rows),
                ts_ms=(self.start_ms + np.repeat(seq[rows], 2) * STEP_MS).tolist(),
                power_w=np.repeat(power_w[rows], 2).tolist(),
            )
            writer.send(Topic.DEVICES, SITE, msgspec.json.encode(batch), partition=partition_of(SITE, PARTITIONS))
        assert writer.flush(60) == 0
        return float(power_w[-1])

    def get(self, path: str, **asked: Any) -> Any:
        answer = self.api.get(f"/api/v1{path}", params=asked)
        assert answer.status_code == http.client.OK, answer.text
        return answer.json()

    def post(self, path: str, wish: object = None) -> Any:
        answer = self.api.post(f"/api/v1{path}", json=wish)
        assert answer.status_code == http.client.OK, answer.text
        return answer.json()

    def incidents(self) -> list[dict[str, Any]]:
        """What the API knows, oldest first."""
        found = self.get("/incidents")["incidents"]
        return [one["incident"]["event"] for one in sorted(found, key=lambda one: one["incident"]["event"]["first_ms"])]

    def of(self, device: str) -> list[dict[str, Any]]:
        return [one for one in self.incidents() if one["device"] == device]

    def lived_to(self, hours: float) -> None:
        """Publish up to an hour, and wait until it is judged and shown."""
        last_w = self.publish(self.lived_h, hours)
        self.lived_h = hours
        self.services.wait_until_read()
        until(lambda: self.live()["power_w"] == last_w, "the newest reading is not shown")

    def past(self, hours: float) -> list[float]:
        """The five minutes of the first hours, as the API tells them."""
        span = {"from_ms": self.start_ms, "to_ms": self.start_ms + round(hours * HOUR_MS), "points": 2000}
        found: list[float] = self.get(f"/devices/{SITE}/{DEVICE}/history", **span)["mean_w"]
        return found

    def live(self) -> dict[str, Any]:
        cards = [one for one in self.get("/overview")["devices"] if one["device"] == DEVICE]
        return cards[0]["live"] if cards else {"power_w": None}

    lived_h: float = 0.0


@pytest.fixture
def town(kafka_topics: Access, empty_database: str, tmp_path: Path) -> Iterator[Town]:
    url, web, probes = make_url(empty_database), free_port(), free_port()
    environment = {
        "KILOWATCH_DATABASE__URL": url._replace(password=None).render_as_string(),
        "KILOWATCH_DATABASE__PASSWORD": str(url.password),
        "KILOWATCH_WEB__TOKEN": TOKEN,
        "KILOWATCH_POLICY__DRY_RUN": "false",
    }
    settings = SETTINGS.format(web=web, data=tmp_path / "data")
    services = Services(kafka_topics, tmp_path, "town", settings, environment)
    with ExitStack() as stack:
        plug = plug_of(Make.SHELLY2)
        stack.enter_context(host_of(plug))
        database = Database(DatabaseSettings(empty_database))
        stack.callback(database.close)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        api = httpx.Client(base_url=f"http://127.0.0.1:{web}", headers=headers, timeout=20, trust_env=False)
        asking = httpx.Client(base_url=f"http://127.0.0.1:{probes}", timeout=20, trust_env=False)
        start_ms = (wall_ms() - 90 * HOUR_MS) // HOUR_MS * HOUR_MS
        made = Town(services, kafka_topics, database, plug, stack.enter_context(api), asking, start_ms)
        stack.callback(asking.close)
        stack.callback(services.close)
        made.start("web", probes)
        made.start("registry", free_port())
        until(lambda: is_there(database), "the registry made no tables")
        made.introduce()
        for label in ("detector", "metrics", "actor"):
            made.start(label, free_port())
        yield made


def answers(client: httpx.Client, path: str) -> int:
    try:
        return client.get(path).status_code
    except httpx.HTTPError:
        return 0


def jobs_end(town: Town, job: int) -> dict[str, Any]:
    until(lambda: town.get(f"/jobs/{job}")["state"] in ("done", "failed"), "nobody did it")
    done: dict[str, Any] = town.get(f"/jobs/{job}")
    return done


def test_the_page_of_a_cluster_shows_what_is_carried_and_its_words_are_heeded(town: Town) -> None:
    until(lambda: answers(town.probes, "/readyz") == http.client.OK, f"it is never ready: {town.services.said('web')}")
    assert [answers(client, "/healthz") for client in (town.probes, town.api)] == [200, 200]
    assert answers(town.api, "/readyz") == http.client.OK

    town.lived_to(40)
    until(lambda: len(town.of(DEVICE)) == len(town.of(TWIN)) == 1, "the incidents are not shown")
    first = town.of(DEVICE)[0]
    assert first["first_ms"] >= town.start_ms + 38 * HOUR_MS
    assert answers(town.api, f"/api/v1/incidents/{first['id']}") == http.client.OK

    town.post(f"/incidents/{first['id']}/label", {"label": "wrong"})
    until(lambda: heard(town, b'"label"'), "the word did not go out")
    town.lived_to(64)
    until(lambda: len(town.of(TWIN)) == 2, "nobody said anything of the twin")
    told_of = {event.id for event in told(town.access) if event.device == DEVICE}
    assert told_of == {first["id"]}, "the like of it was to be silent"
    town.post(f"/incidents/{first['id']}/undo")
    until(lambda: heard(town, b'"undo"'), "the word was not taken back")
    until(lambda: len(town.past(40)) > 450, "the past is not kept")
    np.testing.assert_allclose(town.past(30), 500 + 300 * np.sin(np.arange(0.5, 360) / 12 * np.pi / 12), atol=40)

    assert town.is_on()
    done = jobs_end(town, town.post(f"/devices/{SITE}/{DEVICE}/switch", {"on": False})["job"])
    assert (done["state"], done["result"]["on"]) == ("done", False), done
    assert not town.is_on()
    assert "switched_off" in [entry["what"] for entry in town.get("/audit")["entries"]]
    assert town.services.stop("web") == 0, town.services.said("web")
    assert "Traceback" not in town.services.said("web")


def heard(town: Town, word: bytes) -> bool:
    """Whether a control of that kind lies among the readings."""
    return any(word in value and b'"control"' in value for value in values_in(town.access, Topic.DEVICES))
