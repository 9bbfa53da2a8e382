"""A real Prometheus scrapes a real exporter: every panel has series, and an alert is delivered to a webhook."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from supervisor import prometheus as monitoring

from components.fixtures import needing_components
from deploy.boards import PROMETHEUS, dashboards, dumped, filled, loaded, queries
from deploy.exporter import exporter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.prometheus
PATIENCE_S = 60.0


class Hook(BaseHTTPRequestHandler):
    """Keeps the alerts that it is told."""

    told: list[dict[str, Any]] = []  # noqa: RUF012 - shared by all requests on purpose

    def do_POST(self) -> None:
        self.told += json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def hook() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def prometheus_url(hook: str) -> Iterator[str]:
    """Give a Prometheus with our rules, hurried, that scrapes our exporter and alerts an Alertmanager."""
    with (
        needing_components() as folder,
        exporter() as port,
        monitoring.alertmanager(folder / "alertmanager", routes(hook)) as alerts,
        monitoring.prometheus(folder / "prometheus", scrapes(folder, port, alerts)) as url,
    ):
        yield url


def routes(hook: str) -> str:
    """Return the Alertmanager's configuration as it is shipped, with all told to one hook at once."""
    config = loaded(PROMETHEUS / "alertmanager.yml")
    config["global"] = {"resolve_timeout": "5m"}
    config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    config["receivers"] = [
        {"name": one["name"], "webhook_configs": [{"url": hook}] if one["name"] == "webhook" else []}
        for one in config["receivers"]
    ]
    return dumped(config)


def scrapes(folder: Path, port: int, alerts: str) -> str:
    """Return a configuration that scrapes and evaluates every second, and our rules without their patience."""
    names = []
    for path in sorted((PROMETHEUS / "rules").glob("*.yml")):
        content = loaded(path)
        for group in content["groups"]:
            group.pop("interval", None)
            group["rules"] = [rule | ({"for": "0s"} if "for" in rule else {}) for rule in group["rules"]]
        (folder / path.name).write_text(dumped(content), encoding="utf-8")
        names.append(str(folder / path.name))
    target = {"job_name": "kilowatch", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    manager = {"static_configs": [{"targets": [alerts.removeprefix("http://")]}]}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": names,
        "alerting": {"alertmanagers": [manager]},
        "scrape_configs": [target],
    }
    return dumped(config)


def ask(url: str, path: str, **query: str) -> Any:
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:  # noqa: S310
        told = json.load(answer)
    assert told["status"] == "success"
    return told["data"]


def waits(condition: Any) -> Any:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.5)
    return condition()


@pytest.mark.parametrize("name", ["home", "fleet", "device", "pipeline"])
def test_every_panel_has_series(prometheus_url: str, name: str) -> None:
    for title, query in queries(dashboards()[name]):
        series = waits(lambda query=query: ask(prometheus_url, "query", query=filled(query))["result"])
        assert series, f"{title}: {query}"


def test_every_scraped_metric_has_its_help(prometheus_url: str) -> None:
    known = waits(lambda: ask(prometheus_url, "metadata"))
    assert all(entry[0]["help"] for name, entry in known.items() if name.startswith("kilowatch_"))


def test_no_rule_fails(prometheus_url: str) -> None:
    waits(lambda: ask(prometheus_url, "query", query="kilowatch:devices:sum")["result"])
    groups = ask(prometheus_url, "rules")["groups"]
    assert sum(len(group["rules"]) for group in groups) > 20
    assert [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")] == []


def test_an_alert_reaches_the_webhook(prometheus_url: str) -> None:
    def failed() -> list[dict[str, Any]]:
        return [one for one in Hook.told if one["labels"]["alertname"] == "KilowatchSwitchOffFailed"]

    (alert, *_) = waits(failed)
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["summary"] == "1 device(s) could not be switched off."
