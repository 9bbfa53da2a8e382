"""Who starts waits for those whose formats it must not run ahead of."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import msgspec
import pytest

from kilowatch.cli import wait as waiting
from kilowatch.observability.health import Told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Other(BaseHTTPRequestHandler):
    """A service of some version, which is one that the test says."""

    version = "0.0.1"
    asked = 0

    def do_GET(self) -> None:
        Other.asked += 1
        body = msgspec.json.encode(Told(ok=False, why="it is starting", version=self.version))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
        if Other.asked == 2:
            Other.version = "999.0.0"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def place() -> Iterator[str]:
    Other.version, Other.asked = "0.0.1", 0
    server = HTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("older", "newer"), [("0.9.0", "0.10.0"), ("1.2.3", "2"), ("1.0.0rc1", "1.0.1"), ("0.1.0.dev3", "0.1.1")]
)
def test_versions_are_compared_by_their_numbers(older: str, newer: str) -> None:
    assert waiting.numbers(older) < waiting.numbers(newer)


def test_who_writes_waits_for_older_readers(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(waiting, "_PAUSE_S", 0.01)
    waiting.wait(None, none_older=[place])
    assert Other.asked == 3, "it went on as soon as the other had been replaced"
    assert "0.0.1 still runs there" in capsys.readouterr().err


def test_nobody_there_is_nobody_older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    waiting.wait(None, none_older=["no-such-host.invalid:9469", "127.0.0.1:9"], none_newer=["127.0.0.1:9"])
