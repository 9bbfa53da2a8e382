"""Several services of one machine as one: they begin together, and end together."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from kilowatch.config.sections import Config

SERVICES = ("registry", "metrics", "actor", "detector", "web", "processor")
"""In the order in which they are started: who reads before who writes."""
PAGE = "web"
_LOOK_S = 0.1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Child:
    """A process to run: its name, its command, and what its environment has beside ours."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def children_of(config: Config, file: Path | None, *, page: bool = True) -> Iterator[Child]:
    """Yield the services of a laptop, with the page or without it.

    The metric processor has the port of the settings, the others those after it.
    """
    given = [] if file is None else ["--config", str(file)]
    # 0 stays 0 for all: each then takes a port that is free.
    ports = {name: config.metrics.port and config.metrics.port + place for place, name in enumerate(_BY_PORT)}
    for name in (name for name in SERVICES if page or name != PAGE):
        command = [sys.executable, "-m", "kilowatch", "serve", name, *given]
        yield Child(name, command, {"KILOWATCH_METRICS__PORT": str(ports[name])})


# An order of its own: people know services by these ports, however they are started.
_BY_PORT = ("metrics", "registry", "processor", "detector", "actor", "web")


def run_together(children: Sequence[Child], stop: threading.Event, grace_s: float = 40.0) -> int:
    """Run until stop is set or one of them ends, then end all; return the exit code of the one that failed, else 0."""
    running = {child.name: _started(child) for child in children}
    code = 0
    try:
        while not stop.wait(_LOOK_S):
            ended = {name: process.returncode for name, process in running.items() if process.poll() is not None}
            if ended:
                code = _told(ended)
                break
    finally:
        _end(running, grace_s)
    return code


def _told(ended: Mapping[str, int]) -> int:
    """Say who has ended, and return the exit code that stands for all."""
    for name, code in ended.items():
        _log.error("The %s has ended with %d; the other services are stopped.", name, code)
    failed = [code for code in ended.values() if code]
    # A child that a signal ended has a negative code, which is none to exit with.
    return (failed[0] if failed[0] > 0 else 1) if failed else 0


def _end(running: Mapping[str, subprocess.Popen[bytes]], grace_s: float) -> None:
    for process in running.values():
        process.terminate()
    deadline = time.monotonic() + grace_s
    for name, process in running.items():
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _log.error("The %s did not end within %g s and is killed; it goes on from what is safe.", name, grace_s)
            process.kill()
            process.wait()


def _started(child: Child) -> subprocess.Popen[bytes]:
    return subprocess.Popen(child.command, env=os.environ | child.environment)  # noqa: S603 - our own command
