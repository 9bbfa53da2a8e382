"""Where things are: the cache, free ports, programs."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import socket
from pathlib import Path

HOST = "127.0.0.1"
"""Components listen on loopback alone."""
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0) % 10
_FIRST_PORT = 20_000 + 1000 * _WORKER
_PORTS = random.sample(range(_FIRST_PORT, _FIRST_PORT + 1000), 1000)
"""Tests that run side by side must not be given the same one: between asking and listening it is nobody's."""
_turns = itertools.cycle(_PORTS)


class MissingComponentError(Exception):
    """A component cannot be started on this machine; the message says how to get it."""


def cache() -> Path:
    """Return the folder that keeps downloads: `KILOWATCH_CACHE`, or `~/.cache/kilowatch`."""
    return Path(os.environ.get("KILOWATCH_CACHE") or Path.home() / ".cache" / "kilowatch")


def free_port() -> int:
    """Return a port of the loopback address on which nobody listens.

    It lies below those that the kernel gives to outgoing connections: while a broker is away, no client of its own
    may come to sit on its port. Who asks twice is given two, also before anybody listens on the first.
    """
    for port in itertools.islice(_turns, len(_PORTS)):
        if _is_bindable(port):
            return port
    raise MissingComponentError("No port is free on the loopback address.")


def _is_bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def program(name: str, package: str, folder: str = "") -> str:
    """Return the path of a program from PATH or `folder`; where it is missing say which package brings it."""
    path = shutil.which(name) or (shutil.which(name, path=folder) if folder else None)
    path = path or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise MissingComponentError(f"{name} is not installed. On Debian: apt-get install {package}")
    return path


def is_answering(port: int, host: str = HOST) -> bool:
    """Return whether something listens on a port."""
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True
