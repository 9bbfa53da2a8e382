"""Every panel of every dashboard has series: a real Prometheus scrapes the real services and an edge, as processes."""

from __future__ import annotations

import math
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url
from supervisor import prometheus as monitoring
from supervisor.places import free_port

from app.live import until
from app.messages import as_json, plain
from app.services import TOKEN, Services, is_there
from components.fixtures import needing_components
from deploy.boards import dashboards, filled, queries
from deploy.pushed_home import HEATER, SITE, PushedHome, records
from deploy.scraping import ask, scrapes, waits
from kilowatch.app.arming import arm
from kilowatch.app.registry import Registry
from kilowatch.core.device import ActsBy, Kind, Stage
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.wall import wall_ms
from kilowatch.nets.registry import ModelRegistry
from kilowatch.nets.shipped import path_of
from kilowatch.sim.plugs import Make
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kilowatch.links.kafka.settings import Access

pytestmark = [pytest.mark.prometheus, pytest.mark.kafka, pytest.mark.postgres]
MODEL = "fridge-autoencoder"
CLUSTER = """[detector]
name = "jump"
learning_days = 1.0
[sources.push]
enabled = true
port = {push}
[sources.poll]
enabled = false
"""
"""Nobody polls the heater's plug: what it draws now would come before the past that is pushed."""
EDGE = """[site]
name = "cabin"
[data]
folder = "{folder}/data"
[sources.files.log]
path = "{folder}/log.jsonl"
[detector]
name = "autoencoder:{model}"
[models]
folder = "{folder}/models"
[upstream]
to = "kafka"
"""


def start(services: Services, label: str) -> int:
    """Start a process, and return the port of its metrics."""
    port = free_port()
    services.environment |= {"KILOWATCH_METRICS__ENABLED": "true", "KILOWATCH_METRICS__PORT": str(port)}
    services.start(label)
    return port


@contextmanager
def edge(access: Access, folder: Path) -> Iterator[int]:
    """Let `kilowatch run` follow a log and pass it on, with a model delivered to it; give its metrics' port."""
    (folder / "data").mkdir(parents=True)
    now_ms = wall_ms()
    lines = [as_json(plain(site="cabin", ts_ms=now_ms - 30_000 * (20 - step))) for step in range(20)]
    (folder / "log.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    model = ModelRegistry(folder / "models").add(path_of(MODEL).read_bytes())
    with closing(Database(DatabaseSettings(f"sqlite:///{folder}/data/kilowatch.db"))) as database:
        database.upgrade()
        Registry(database).choose_model(Kind.FRIDGE, model.sha256)
    services = Services(access, folder, "edge", EDGE.format(folder=folder, model=path_of(MODEL)))
    services.programs["run"], services.options["run"] = ("-m", "kilowatch"), ("--no-web",)
    with closing(services):
        yield start(services, "run")


@contextmanager
def cluster(
    access: Access, database: Database, url: str, folder: Path, push: int
) -> Iterator[tuple[Services, list[int]]]:
    """Let the services live with a heater behind a real plug that may be switched; give their metrics' ports too."""
    address = make_url(url)
    environment = {
        "KILOWATCH_DATABASE__URL": address._replace(password=None).render_as_string(),
        "KILOWATCH_DATABASE__PASSWORD": str(address.password),
        "KILOWATCH_SOURCES__PUSH__TOKEN": TOKEN,
        "KILOWATCH_POLICY__DRY_RUN": "false",
    }
    folder.mkdir()
    services, plug = Services(access, folder, "town", CLUSTER.format(push=push), environment), plug_of(Make.SHELLY2)
    services.options["metrics"] = ("--each-device",)
    with closing(services), host_of(plug):
        ports = [start(services, "registry")]
        until(lambda: is_there(database), f"the registry made no tables: {services.said()}")
        Registry(database).discover(records(plug.address), wall_ms())
        yield services, ports + [start(services, label) for label in ("processor", "detector", "metrics", "actor")]


@pytest.fixture
def prometheus_url(kafka_topics: Access, empty_database: str, tmp_path: Path) -> Iterator[str]:
    """Give a Prometheus that has watched a home being learnt, armed and odd, and an edge that passes readings on."""
    push = free_port()
    with ExitStack() as stack:
        folder = stack.enter_context(needing_components())
        database = stack.enter_context(closing(Database(DatabaseSettings(empty_database))))
        town = cluster(kafka_topics, database, empty_database, tmp_path / "cluster", push)
        services, ports = stack.enter_context(town)
        ports.append(stack.enter_context(edge(kafka_topics, tmp_path / "edge")))
        url = stack.enter_context(monitoring.prometheus(folder / "prometheus", scrapes(folder, ports)))
        home = PushedHome(push)
        stack.callback(home.stop)
        until(lambda: is_watched(database), "the heater was never learnt", services.said)
        arm(Registry(database), SITE, HEATER, "anna", wall_ms(), ActsBy.CLOUD)
        home.is_odd.set()
        yield url


def is_watched(database: Database) -> bool:
    return any(one.device == HEATER and one.stage is Stage.WATCHING for one in Registry(database).records())


def unanswered(url: str) -> list[str]:
    """Return the panels whose query finds no series with a number in it."""
    asked = [(name, *one) for name, board in dashboards().items() for one in queries(board)]
    return [f"{name}: {title}: {query}" for name, title, query in asked if not numbers(url, filled(query))]


def numbers(url: str, query: str) -> list[float]:
    found = [float(one["value"][1]) for one in ask(url, "query", query=query)["result"]]
    return [number for number in found if not math.isnan(number)]


def test_every_panel_has_series_of_the_real_services(prometheus_url: str) -> None:
    waits(lambda: not unanswered(prometheus_url))
    assert unanswered(prometheus_url) == []
    assert numbers(prometheus_url, "up") == [1.0] * 6
    groups = ask(prometheus_url, "rules")["groups"]
    assert sum(len(group["rules"]) for group in groups) > 20
    assert [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")] == []
    known: dict[str, Any] = ask(prometheus_url, "metadata")
    assert all(entry[0]["help"] for name, entry in known.items() if name.startswith("kilowatch_"))
