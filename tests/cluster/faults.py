"""A fault under load, what it cost, and the table of all of them."""

from __future__ import annotations

import itertools
import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evidence import commit, machine

from cluster.bed import ROOT, ask, say, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.bed import Cluster

HEAD = (
    "| fault | ready again, s | readings flow, s | all told, s | lost | twice | offs |\n|---|---|---|---|---|---|---|"
)
INTRO = """# Faults on a real Kubernetes

What `make test-cluster` printed: one node, the chart in a namespace of pod-security level `restricted`, Kafka and
PostgreSQL in pods of their own, readings of six houses pushed all the time. In each row something goes wrong just as
another home's heater turns odd. *Ready again*, *readings flow* (of every house) and *all told* (each incident that the
readings mean is in `IoTAnomalies`) are counted from the fault. *Lost*: accepted readings that are not in the topic, and
incidents not told. *Twice*: incidents told twice or otherwise. *Offs*: how often that heater's plug was switched off.
"""
OFF_S = 90.0
TOLD_S = 120.0


@dataclass(slots=True)
class Row:
    """One fault. Times in s after it; ready_s is set by whoever knows what has to be ready."""

    fault: str
    ready_s: float = 0.0
    flows_s: float = 0.0
    told_s: float = 0.0
    lost: int = 0
    twice: int = 0
    offs: int = 0

    def __str__(self) -> str:
        times = " | ".join(f"{value:.0f}" for value in (self.ready_s, self.flows_s, self.told_s))
        return f"| {self.fault} | {times} | {self.lost} | {self.twice} | {self.offs} |"


@dataclass(slots=True)
class Faults:
    """All faults of a run, and the homes that are left for more."""

    on: Cluster
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    homes: Iterator[int] = field(default_factory=itertools.count)
    twice: int = 0

    @contextmanager
    def row(self, fault: str, *, may_double: bool = False, may_expire: bool = False) -> Iterator[Row]:
        """Let a heater turn odd, let the fault happen and heal within the block, and hold what it cost to nothing.

        may_double: where the broker itself can forget what it has acknowledged; it is printed all the same.
        may_expire: where it takes so long that the evidence is too old to switch on.
        """
        home, row = next(self.homes), Row(fault)
        self.flow()
        ask(self.on, "odd", f"home{home}")
        began = time.monotonic()
        yield row
        row.ready_s = time.monotonic() - began
        self.flow()
        row.flows_s = time.monotonic() - began
        found = ask(self.on, "check", str(TOLD_S))
        row.told_s = time.monotonic() - began
        row.lost, twice = found["lost"] + found["untold"], found["told_twice"] + found["told_otherwise"]
        row.twice, self.twice = twice - self.twice, twice
        self.wait_for_off(home)
        row.offs = self.offs(home)
        self.rows.append(row)
        say(str(row))
        assert (row.lost, 0 if may_double else row.twice) == (0, 0), found
        assert row.offs in ((0, 1) if may_expire else (1,))

    def note(self, text: str) -> None:
        """Keep a figure beside the table."""
        self.notes.append(text)
        say(text)

    def flow(self) -> None:
        """Wait until more was accepted of every house."""
        before = ask(self.on, "seen")
        until(lambda: all(count > before[site] for site, count in ask(self.on, "seen").items()), "nothing flows")

    def offs(self, home: int) -> int:
        """Count how often a plug was switched off, as the plug itself saw it."""
        lines = [json.loads(line) for line in self.on.kubectl("logs", "plugs").splitlines() if '"plug"' in line]
        return sum(one["plug"] == home and not one["on"] for one in lines)

    def wait_for_off(self, home: int) -> float:
        """Wait until a plug was switched off, and return how long that took, s; for ever is no failure here."""
        began = time.monotonic()
        while not self.offs(home) and time.monotonic() - began < OFF_S:
            time.sleep(0.5)
        return time.monotonic() - began

    def write(self) -> None:
        """Print the table, and keep it in the file that KILOWATCH_EVIDENCE names."""
        said = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        parts = [f"{said}, commit {commit()}, {machine()}", "\n".join([HEAD, *map(str, self.rows)])]
        parts += ["\n".join(f"- {note}" for note in self.notes)]
        say("\n" + "\n\n".join(parts))
        if os.environ.get("KILOWATCH_EVIDENCE"):
            (ROOT / os.environ["KILOWATCH_EVIDENCE"]).write_text("\n\n".join([INTRO.rstrip(), *parts]) + "\n")
