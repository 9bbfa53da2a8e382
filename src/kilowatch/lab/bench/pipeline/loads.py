"""Rows of runs under load: sustained, latency, burst, storm, memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.lab.bench.pipeline.broker import running
from kilowatch.lab.bench.pipeline.goals import GoalRow, at_least, at_most, printed
from kilowatch.lab.bench.pipeline.run import PARTITIONS, Load, Measured, measure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kilowatch.lab.bench.pipeline.run import Stage

MILLION = 1_000_000
EVERY_S = 30.0
"""Utomo & Hsiung, section IV: smart meters are read once every 30 s."""
SUSTAINED_PER_S = 150_000.0
_SMALLER = (1_000, 100_000)
_LAG_SLACK_S = 0.5


@dataclass(frozen=True, slots=True)
class Bench:
    """What a person asked for. rate_share: of the rates in the goals, for machines that are busy or small."""

    minutes: float
    devices: int
    bootstrap: str | None
    say: Callable[[str], None]
    rate_share: float = 1.0
    keep: Path | None = None
    profile: bool = False
    model: str | None = None

    @property
    def seconds(self) -> float:
        """How long each run counts."""
        return 60.0 * self.minutes

    def rate(self, per_s: float) -> float:
        """Return the rate for so many devices where per_s is that of a million."""
        return per_s * self.rate_share * self.devices / MILLION

    def measured(self, load: Load, during: Callable[[Stage], None] | None = None) -> Measured:
        """Run one load on a broker of its own."""
        # A cold Java machine is not what a broker is; of a run of seconds there is no time to warm it.
        warm_s = min(load.warm_s, max(2.0, load.seconds / 2))
        with running(self.bootstrap, PARTITIONS, self.keep) as broker:
            return measure(broker, replace(load, warm_s=warm_s, profile=self.profile), self.say, during)


def sustained(bench: Bench) -> list[GoalRow]:
    """The highest flow, in two processes."""
    rate = bench.rate(SUSTAINED_PER_S)
    run = bench.measured(Load(bench.devices, rate, bench.seconds))
    rows = [
        at_least("kilowatch_readings_per_s", run.readings / run.seconds, "1/s", rate * 0.99),
        at_most("p99_ms", percentile(run, 99), "ms", 1000.0),
        printed("devices", bench.devices, "devices"),
        *lag_rows(run),
        printed("snapshot_share", _saving_share(run), "of CPU time"),
    ]
    return rows + details(run, "sustained")


def latency(bench: Bench) -> list[GoalRow]:
    """How long a verdict takes at one reading in 30 s of every device; and with settings for low latency."""
    usual = bench.measured(Load(bench.devices, bench.rate(MILLION / EVERY_S), bench.seconds))
    # `QUICK` is meant for a hundred thousand meters and less; the flow stays that of all of them.
    tenth = max(1, bench.devices // 10)
    swift = replace(usual.load, devices=tenth, quick=True, poll_s=0.005, poll_most_s=0.02, linger_ms=5)
    quick = bench.measured(swift)
    return [
        at_most("latency_p99_ms", percentile(usual, 99), "ms", 250.0),
        *details(usual, "latency"),
        at_most("latency_quick_p99_ms", percentile(quick, 99), "ms", 100.0),
        *details(quick, "latency_quick"),
    ]


def burst(bench: Bench) -> list[GoalRow]:
    """Every device speaks within the same 3 s of every 30."""
    run = bench.measured(Load(bench.devices, bench.rate(MILLION / EVERY_S), bench.seconds, active_s=3.0))
    return [at_most("burst_p99_ms", percentile(run, 99), "ms", 1000.0), *details(run, "burst")]


def storm(bench: Bench) -> list[GoalRow]:
    """A fifth of all devices becomes odd within two steps."""
    rate = bench.rate(MILLION / EVERY_S)
    steps = bench.seconds / EVERY_S
    load = Load(bench.devices, rate, bench.seconds, odd=0.2, odd_from=0.5, odd_until=min(1.0, 0.5 + 2 / steps))
    run = bench.measured(load)
    return [
        printed("storm_p99_ms", percentile(run, 99), "ms"),
        printed("storm_events", float(sum(tally.events for tally in run.tallies)), "events"),
        at_most("storm_lost", run.lost, "readings", 0.0),
        at_most("storm_drained_s", run.drained_s, "s", 10.0),
        *details(run, "storm"),
    ]


def memory(bench: Bench) -> list[GoalRow]:
    """What one detector process holds, and what a reading costs, for fleets of rising size."""
    rows = []
    for devices in [*(size for size in _SMALLER if size < bench.devices), bench.devices]:
        # At 30 s a thousand meters say 33 readings a second: idle polls would be most of what each of them costs.
        load = Load(devices, max(2_000.0, devices / EVERY_S * bench.rate_share), min(30.0, bench.seconds), workers=1)
        run = bench.measured(load)
        peak, name = max(cost.peak_mb for cost in run.memory), _size(devices)
        goal = 1_200.0 * devices / MILLION
        # In a small fleet the interpreter itself is most of a process, and no share of the goal could hold it.
        limited = devices >= MILLION
        rows += [
            at_most(f"detector_mb_{name}", peak, "MB", goal) if limited else printed(f"detector_mb_{name}", peak, "MB"),
            printed(f"detector_us_per_reading_{name}", cpu_us(run, "worker"), "us"),
        ]
    return rows


def lag_rows(run: Measured, prefix: str = "") -> list[GoalRow]:
    """Return how far readings were behind in the end, and whether that rose over the second half."""
    half = run.samples[len(run.samples) // 2 :]
    lags = np.array([sample.lag for sample in half], dtype=np.float64)
    at_s = np.array([sample.at_s for sample in half])
    # From 0 on: fitted over seconds since 1970 the line would be lost in rounding.
    rise = float(np.polyfit(at_s - at_s[0], lags, 1)[0]) if len(half) > 2 else 0.0
    return [
        printed(f"{prefix}lag_end", float(run.samples[-1].lag), "readings"),
        # Commits come once a second and move a sample by as many readings as came in it: in a short run that alone
        # tilts the line, so a part of a second's readings over the run is allowed for.
        at_most(
            f"{prefix}lag_rise", rise, "readings/s", 0.01 * run.load.rate + _LAG_SLACK_S * run.load.rate / run.seconds
        ),
    ]


def details(run: Measured, prefix: str) -> list[GoalRow]:
    """Return what every run prints: median latency, CPU a reading in each process, memory, nothing lost."""
    rows = [
        printed(f"{prefix}_p50_ms", percentile(run, 50), "ms"),
        printed(f"{prefix}_outcomes", float(len(run.latency_ms)), "events"),
        printed(f"{prefix}_readings_per_s", run.readings / run.seconds, "1/s"),
        *(
            printed(f"{prefix}_cpu_us_{part}", cpu_us(run, part), "us/reading")
            for part in ("worker", "producer", "broker")
        ),
        printed(f"{prefix}_detector_mb", max((cost.peak_mb for cost in run.memory), default=0.0), "MB"),
        printed(f"{prefix}_producer_late_s", run.flow.late_s, "s"),
    ]
    return [*rows, at_most(f"{prefix}_not_judged", float(run.lost), "readings", 0.0)]


def percentile(run: Measured, share: float) -> float | None:
    """Return a percentile of the latency, None where no outcome was seen."""
    return float(np.percentile(run.latency_ms, share)) if len(run.latency_ms) else None


def cpu_us(run: Measured, part: str) -> float | None:
    """Return CPU microseconds a reading in all processes of a kind."""
    spent = sum(seconds for name, seconds in run.cpu_s.items() if name.startswith(part))
    return 1e6 * spent / run.readings if run.readings else None


def _saving_share(run: Measured) -> float:
    spent = sum(seconds for name, seconds in run.cpu_s.items() if name.startswith("worker"))
    return sum(tally.saving_s for tally in run.tallies) / spent if spent else 0.0


def _size(devices: int) -> str:
    return f"{devices / MILLION:g}m" if devices >= MILLION else f"{devices / 1000:g}k"
