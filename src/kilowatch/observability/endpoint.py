"""`/metrics` over HTTP, with a token where one is set; `/healthz` and `/readyz` for whoever asks."""

from __future__ import annotations

import hmac
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST

from kilowatch.errors import ComponentError
from kilowatch.observability.health import Health

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.observability.metrics import Metrics

# Each connection has a thread: one that says nothing must let go of it.
_TIMEOUT_S = 10.0


@contextmanager
def exposed(
    metrics: Metrics, bind: str, port: int, token: str | None = None, health: Health | None = None
) -> Iterator[int]:
    """Serve metrics for as long as the block runs, and give the port, chosen freely for port 0.

    health: None for a process that is ready as soon as it answers. `ComponentError` where the address cannot be had.
    """

    class Handler(_Handler):
        """Answers for these metrics."""

        told = metrics
        secret = token
        state = health

    try:
        server = ThreadingHTTPServer((bind, port), Handler)
    except OSError as error:
        raise ComponentError(
            f"Metrics cannot be served on {bind}:{port}: {error.strerror}.", "Choose another port: metrics.port."
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    told: Metrics
    secret: str | None
    state: Health | None
    timeout = _TIMEOUT_S

    def do_GET(self) -> None:
        """Answer one request."""
        path = self.path.partition("?")[0]
        # Before the token: probes and `cli/wait.py` show none.
        if path in ("/healthz", "/readyz"):
            self._answer_state(path)
        elif path != "/metrics":
            self._answer(404, b"Metrics are at /metrics.\n", "text/plain")
        elif not self._is_welcome():
            self._answer(401, b"A token is needed: Authorization: Bearer TOKEN.\n", "text/plain")
        else:
            self._answer(200, self.told.exposition(), CONTENT_TYPE_LATEST)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: a scrape every few seconds is no news."""

    def _answer_state(self, path: str) -> None:
        health = self.state
        if health is None:
            health = Health()
            health.ready()
        told = health.live_now() if path == "/healthz" else health.ready_now()
        self._answer(told.status, msgspec.json.encode(told) + b"\n", "application/json")

    def _is_welcome(self) -> bool:
        if self.secret is None:
            return True
        # As bytes: compare_digest refuses a text with letters beyond ASCII.
        shown = self.headers.get("Authorization", "").encode()
        return hmac.compare_digest(shown, f"Bearer {self.secret}".encode())

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
