"""`kilowatch bench edge-run`: what `kilowatch run` costs with 20 plugs at 1 s, and how soon a faulty one is off.

`kilowatch run` is a process of its own with its settings in a folder, as a person runs it. Its devices have learnt
before: a snapshot lies in the folder, made by the product's own code. Plugs are simulated and live in this process;
each one's own log of requests is the witness of when it was told to switch off.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import kilowatch
from kilowatch.errors import ComponentError, ConfigError
from kilowatch.lab.bench.edge_run_home import CURES_S, FAULTED, Plugs, learnt_into, settings_of
from kilowatch.lab.bench.pipeline.goals import at_most, printed
from kilowatch.lab.bench.pipeline.process_cost import Cost, cost_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.lab.bench.pipeline.goals import GoalRow

CPU_SHARE, RSS_MB, OFF_S = 0.05, 120.0, 2.0
"""The goals: of one core, of memory, and from the end of the sample that confirms a fault to the plug's own log, p99.

The reading that ends a sample comes up to a plug's interval later, so the clock runs for longer than it must.
"""
# Imports and first connections are over by then: what is counted is the cost of months, not of a start.
_SETTLE_S, _END_S = 10.0, 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run cost while it counted, and what became of its faults."""

    cpu_share: float
    cost: Cost
    off_s: list[float]
    missed: int


def rows(say: Callable[[str], None], minutes: float) -> list[GoalRow]:
    """Measure both ways in which plugs are read."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kilowatch-edge-run-")))
        say("starting Mosquitto")
        broker = stack.enter_context(_mosquitto(folder / "mosquitto"))
        say(f"20 plugs over MQTT for {minutes:g} min")
        by_mqtt = _measured(folder / "mqtt", minutes, broker)
        say(f"20 plugs polled over HTTP with digest login for {minutes:g} min")
        by_http = _measured(folder / "http", minutes, None)
    return rows_of(by_mqtt, by_http)


def rows_of(by_mqtt: Run, by_http: Run) -> list[GoalRow]:
    """Return the rows of both ways; CPU has a goal over MQTT alone, for a login by digest asks twice."""
    return [
        at_most("edge_run_cpu_share", by_mqtt.cpu_share, "of one core", CPU_SHARE),
        at_most("edge_run_rss_mb", by_mqtt.cost.peak_mb, "MB", RSS_MB),
        *_off_rows("edge_run", by_mqtt),
        printed("edge_run_http_cpu_share", by_http.cpu_share, "of one core"),
        at_most("edge_run_http_rss_mb", by_http.cost.peak_mb, "MB", RSS_MB),
        *_off_rows("edge_run_http", by_http),
    ]


def _off_rows(name: str, run: Run) -> list[GoalRow]:
    return [
        printed(f"{name}_off_p50_s", _quantile(run.off_s, 0.5), "s after the sample that confirms"),
        at_most(f"{name}_off_p99_s", _quantile(run.off_s, 0.99), "s after the sample that confirms", OFF_S),
        at_most(f"{name}_missed", float(run.missed), f"of {len(run.off_s) + run.missed} faults", 0),
    ]


def _measured(folder: Path, minutes: float, broker: Any | None) -> Run:
    """Let `kilowatch run` live: cost is counted for so many minutes of quiet, faults come after."""
    folder.mkdir()
    with Plugs(broker) as plugs:
        learnt_into(folder, plugs)
        (folder / "kilowatch.toml").write_text(settings_of(folder, plugs))
        with _running(folder, plugs) as process:
            plugs.begin()
            time.sleep(_SETTLE_S)
            before, began = cost_of(process.pid), time.monotonic()
            time.sleep(60.0 * minutes)
            after, seconds = cost_of(process.pid), time.monotonic() - began
            off_s, missed = _faults(plugs)
            if process.poll() is not None:
                raise ComponentError("kilowatch run has ended early.", (folder / "log").read_text()[-500:])
            # Memory with the faults in it: switching off must fit in too. CPU is of the quiet minutes alone.
            peak = cost_of(process.pid)
    return Run((after.cpu_s - before.cpu_s) / seconds, peak, off_s, missed)


def _faults(plugs: Plugs) -> tuple[list[float], int]:
    """Let all that is armed go wrong; return how long each off took, s, and how many never came."""
    plugs.break_down()
    deadline = time.monotonic() + CURES_S
    while len(plugs.offs_s()) < len(FAULTED) and time.monotonic() < deadline:
        # Seldom: each off is timed by the plug's own log, and looking costs the machine that is measured.
        time.sleep(5.0)
    found = plugs.offs_s()
    return found, len(FAULTED) - len(found)


@contextmanager
def _running(folder: Path, plugs: Plugs) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "kilowatch", "run", "--config", str(folder / "kilowatch.toml")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=os.environ | plugs.secrets
        )
    try:
        yield process
    finally:
        # As systemd ends it, so that it saves what it has learnt and says farewell.
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _mosquitto(folder: Path) -> Iterator[Any]:
    scripts = Path(kilowatch.__file__).parents[2] / "scripts"
    if not (scripts / "supervisor").is_dir():
        raise ConfigError("This kilowatch was not installed from a clone.", "Run the benchmark from one.")
    sys.path.append(str(scripts))
    supervisor = importlib.import_module("supervisor.mosquitto")
    with supervisor.running(folder) as broker:
        yield broker


def _quantile(seconds: list[float], share: float) -> float | None:
    return float(np.quantile(seconds, share)) if seconds else None
