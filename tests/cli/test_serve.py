"""`kilowatch serve`: what there is, that settings are checked first, and that all services run and end as one."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from supervisor.places import free_port
from typer.testing import CliRunner

from app.live import until
from app.messages import as_json, plain
from app.services import DEADLINE_S, TOKEN
from kilowatch.app.begin_anew import require_topics
from kilowatch.app.together import SERVICES as TOGETHER
from kilowatch.app.together import Child, children_of, run_together
from kilowatch.cli.serve import app
from kilowatch.config import Config
from kilowatch.config.sections import KafkaConfig
from kilowatch.errors import ComponentError, ConfigError, KilowatchError
from kilowatch.links.database import Database, DatabaseSettings

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.core.records import KnownDevice
    from kilowatch.links.kafka.settings import Access

SERVICES = ("registry", "processor", "detector", "metrics", "actor", "web", "all")


def test_help_names_the_services() -> None:
    said = CliRunner().invoke(app, ["--help"]).output
    assert all(service in said for service in SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_unknown_settings_are_refused_before_anything_is_started(service: str, tmp_path: Path) -> None:
    wrong = tmp_path / "kilowatch.toml"
    wrong.write_text('[kafka]\nbootstarp = "127.0.0.1:1"\n')
    with pytest.raises(ConfigError, match="bootst"):
        CliRunner().invoke(app, [service, "-c", str(wrong)], catch_exceptions=False)


def test_without_kafka_it_is_said_at_once_and_the_exit_code_is_4() -> None:
    with pytest.raises(ComponentError, match="Kafka") as away:
        require_topics(KafkaConfig(bootstrap=f"127.0.0.1:{free_port()}"))
    assert away.value.exit_code == 4
    assert "kafka.bootstrap" in away.value.hint


def python(name: str, code: str) -> Child:
    return Child(name, [sys.executable, "-c", code], {"WORD": name})


WAITING = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(60)"


def test_one_that_fails_ends_the_others_with_its_exit_code() -> None:
    began = time.monotonic()
    assert run_together([python("a", WAITING), python("b", "raise SystemExit(4)")], threading.Event()) == 4
    assert run_together([python("a", WAITING), python("b", "import os; os.abort()")], threading.Event()) == 1
    assert time.monotonic() - began < 50


def test_all_end_when_they_are_told_to(tmp_path: Path) -> None:
    stop, there = threading.Event(), tmp_path / "there"
    code = f"import os, pathlib; pathlib.Path({str(there)!r}).write_text(os.environ['WORD']); {WAITING}"

    def end() -> None:
        until(there.exists, "it did not begin")
        time.sleep(0.5)
        stop.set()

    threading.Thread(target=end).start()
    assert run_together([python("a", code)], stop) == 0
    assert there.read_text() == "a"


def test_who_does_not_end_in_time_is_killed() -> None:
    stop = threading.Event()
    threading.Timer(2.0, stop.set).start()
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    began = time.monotonic()
    assert run_together([python("a", deaf)], stop, grace_s=0.5) == 0
    assert time.monotonic() - began < 30


def test_the_page_is_one_of_them_unless_it_is_not_wanted() -> None:
    def names(*, page: bool) -> list[str]:
        return [child.name for child in children_of(Config(), None, page=page)]

    assert names(page=True) == list(TOGETHER)
    assert names(page=False) == [name for name in TOGETHER if name != "web"]
    ports = {child.environment["KILOWATCH_METRICS__PORT"] for child in children_of(Config(), None)}
    assert len(ports) == len(TOGETHER), "each service is scraped on a port of its own"


@pytest.mark.parametrize(
    ("words", "settings", "shows"),
    [((), "", True), (("--no-web",), "", False), ((), "[web]\nenabled = false\n", False)],
)
def test_no_web_goes_without_the_page(
    words: tuple[str, ...], settings: str, *, shows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def run(children: list[Child], stop: threading.Event) -> int:
        started.extend(child.name for child in children)
        return 0

    monkeypatch.setattr("kilowatch.app.together.run_together", run)
    monkeypatch.setattr("kilowatch.links.kafka.admin.Admin.create", lambda *_: None)
    config = tmp_path / "kilowatch.toml"
    config.write_text(settings)
    CliRunner().invoke(app, ["all", "-c", str(config), *words], catch_exceptions=False)
    assert ("web" in started) is shows
    assert "processor" in started


@pytest.mark.kafka
def test_all_of_it_on_a_laptop(kafka_topics: Access, tmp_path: Path) -> None:
    """A reading pushed in becomes a device in the books and on the page; SIGTERM ends everything in order."""
    port, web, config = free_port(), free_port(), tmp_path / "kilowatch.toml"
    config.write_text(
        f'[kafka]\nbootstrap = "{kafka_topics.bootstrap}"\npartitions = 4\ngroup = "laptop"\n'
        f'[data]\nfolder = "{tmp_path}"\n[detector]\nname = "jump"\n[metrics]\nport = 0\n'
        f"[sources.push]\nenabled = true\nport = {port}\n[web]\nport = {web}\n"
    )
    environment = os.environ | {"KILOWATCH_SOURCES__PUSH__TOKEN": TOKEN, "KILOWATCH_WEB__TOKEN": f"{TOKEN}-web"}
    command = [sys.executable, "-m", "kilowatch", "serve", "all", "-c", str(config)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
    database = Database(DatabaseSettings(f"sqlite:///{tmp_path / 'kilowatch.db'}"))
    try:
        until(lambda: process.poll() is not None or pushed(port) == http.client.NO_CONTENT, "nothing was taken")
        until(lambda: process.poll() is not None or bool(known(database)), "the device is not in the books")
        assert known(database)[0].record.device == "fridge"
        until(lambda: process.poll() is not None or shown(web) == ["fridge"], "the device is not on the page")
        process.terminate()
        assert process.wait(DEADLINE_S) == 0, (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()
        database.close()
    assert TOKEN not in (tmp_path / "log").read_text()


def pushed(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/v1/readings", as_json(plain()), {"Authorization": f"Bearer {TOKEN}"})
        return connection.getresponse().status
    except OSError:
        time.sleep(0.2)
        return 0
    finally:
        connection.close()


def shown(port: int) -> list[str]:
    """Return the devices of the page that have said something."""
    headers = {"Authorization": f"Bearer {TOKEN}-web"}
    try:
        cards = httpx.get(f"http://127.0.0.1:{port}/api/v1/overview", headers=headers, timeout=30, trust_env=False)
        return [one["device"] for one in cards.json()["devices"] if one["live"]["power_w"] is not None]
    except (httpx.HTTPError, KeyError):
        time.sleep(0.2)
        return []


def known(database: Database) -> list[KnownDevice]:
    try:
        with database.read() as transaction:
            return transaction.devices.all()
    except KilowatchError:
        time.sleep(0.2)
        return []
