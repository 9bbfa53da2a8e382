"""The deadline of a whole answer, over TLS as well."""

from __future__ import annotations

import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import httpcore
import pytest
from supervisor.certificates import certificates

from kilowatch.links.plugs import open_plug
from kilowatch.links.plugs.deadline import Deadline
from kilowatch.links.plugs.http import HttpSettings
from links.decode.stories import GEN2

if TYPE_CHECKING:
    from pathlib import Path


def test_each_thread_has_a_deadline_of_its_own() -> None:
    deadline = Deadline()
    assert deadline.left_s(3.0) == 3.0
    assert deadline.left_s(None) is None
    deadline.at_s = time.monotonic() + 60.0
    assert deadline.left_s(3.0) == 3.0
    assert 59.0 < (deadline.left_s(None) or 0.0) <= 60.0
    deadline.at_s = time.monotonic()
    with pytest.raises(httpcore.ReadTimeout):
        deadline.left_s(3.0)
    others: list[float | None] = []
    other = threading.Thread(target=lambda: others.append(deadline.left_s(3.0)))
    other.start()
    other.join()
    assert others == [3.0]


class Plug(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(GEN2)))
        self.end_headers()
        self.wfile.write(GEN2)

    def log_message(self, *_: object) -> None:
        pass


def test_a_plug_over_tls_is_read(tmp_path: Path) -> None:
    certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), Plug) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        settings = HttpSettings(ca_file=str(tmp_path / "ca.pem"))
        plug = open_plug(f"shelly2+https://127.0.0.1:{server.server_address[1]}/0", settings)
        assert plug.read().power_w == 4.1
        assert plug.read().on
        plug.close()
        server.shutdown()
