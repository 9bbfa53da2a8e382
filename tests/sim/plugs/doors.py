"""Port 80 of a loopback address of its own for a simulated plug: clients of real plugs ask nowhere else."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.sim.plugs import SimPlug


@contextmanager
def door_to(sim: SimPlug, address: str) -> Iterator[str]:
    """Pass on what comes to port 80 of an address of 127.0.0.0/8; skip the test where that port is not ours."""

    class Door(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", sim.port)) as plug:
                back = threading.Thread(target=_pass_on, args=(plug, self.request), daemon=True)
                back.start()
                _pass_on(self.request, plug)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    try:
        server = Server((address, 80), Door)
    except OSError as error:
        pytest.skip(f"port 80 of {address} cannot be had: {error}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield address
    server.shutdown()
    server.server_close()
    thread.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
