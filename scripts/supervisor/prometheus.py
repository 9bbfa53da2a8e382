"""Prometheus and Alertmanager, on ports of their own and without gossip."""

from __future__ import annotations

import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.error import URLError

from supervisor.daemons import Daemon, Launch, bring_up
from supervisor.places import HOST, free_port, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ALERTMANAGER = """route:
  receiver: none
  group_wait: 1s
receivers:
  - name: none
"""


@dataclass(slots=True)
class Server:
    """An HTTP server: its address and its process."""

    url: str
    daemon: Daemon


def prometheus_up(folder: Path, port: int | None = None, config: str = "", *, bound: bool = True) -> Server:
    """Start a Prometheus with this configuration, an empty one where none is given."""
    folder.mkdir(parents=True, exist_ok=True)
    config_file = folder / "prometheus.yml"
    config_file.write_text(config or "global:\n  scrape_interval: 5s\n")
    command = [program("prometheus", "prometheus"), f"--config.file={config_file}"]
    command += [f"--storage.tsdb.path={folder}/data", "--storage.tsdb.retention.time=2h", "--web.enable-lifecycle"]
    return _served("prometheus", command, folder, port, bound=bound)


def alertmanager_up(folder: Path, port: int | None = None, config: str = "", *, bound: bool = True) -> Server:
    """Start an Alertmanager with this configuration, one that tells nobody where none is given."""
    folder.mkdir(parents=True, exist_ok=True)
    config_file = folder / "alertmanager.yml"
    config_file.write_text(config or _ALERTMANAGER)
    name = "prometheus-alertmanager"
    command = [program(name, name), f"--config.file={config_file}", f"--storage.path={folder}/data"]
    return _served("alertmanager", [*command, "--cluster.listen-address="], folder, port, bound=bound)


@contextmanager
def prometheus(folder: Path, config: str = "") -> Iterator[str]:
    """Give the address of a Prometheus that runs for as long as the block does."""
    server = prometheus_up(folder, config=config)
    try:
        yield server.url
    finally:
        server.daemon.stop()


@contextmanager
def alertmanager(folder: Path, config: str = "") -> Iterator[str]:
    """Give the address of an Alertmanager that runs for as long as the block does."""
    server = alertmanager_up(folder, config=config)
    try:
        yield server.url
    finally:
        server.daemon.stop()


def _served(name: str, command: list[str], folder: Path, port: int | None, *, bound: bool) -> Server:
    port = port or free_port()
    url = f"http://{HOST}:{port}"
    launch = Launch(name, [*command, f"--web.listen-address={HOST}:{port}"], folder, bound=bound)
    return Server(url, bring_up(launch, lambda: _is_ready(url)))


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:  # noqa: S310 - of our own making
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
