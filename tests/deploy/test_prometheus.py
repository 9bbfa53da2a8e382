"""A real Prometheus scrapes an action that failed, and its alert is delivered by a real Alertmanager to a webhook."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from supervisor import prometheus as monitoring

from components.fixtures import needing_components
from deploy.exporter import exporter
from deploy.scraping import routes, scrapes, waits

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.prometheus


class Hook(BaseHTTPRequestHandler):
    """Keeps the alerts that it is told."""

    told: list[dict[str, Any]] = []  # noqa: RUF012 - shared by all requests on purpose

    def do_POST(self) -> None:
        self.told += json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_alert_reaches_the_webhook(hook: str) -> None:
    def failed() -> list[dict[str, Any]]:
        return [one for one in Hook.told if one["labels"]["alertname"] == "KilowatchSwitchOffFailed"]

    with (
        needing_components() as folder,
        exporter() as port,
        monitoring.alertmanager(folder / "alertmanager", routes(hook)) as alerts,
        monitoring.prometheus(folder / "prometheus", scrapes(folder, [port], alerts)),
    ):
        (alert, *_) = waits(failed)
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["summary"] == "1 device(s) could not be switched off."
