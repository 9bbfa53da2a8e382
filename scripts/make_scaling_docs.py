"""Write docs/scaling.md from what `kilowatch bench pipeline --json` printed into docs/evidence/pipeline.json.

make_scaling_docs.py [--core 20 --gb 3 --disk-gb 0.1]: what a core, a GB of memory and a GB of disk cost a month.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.events import Reading
from kilowatch.core.outputs import BenchOutput

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "scaling.md"
MEASURED = ROOT / "docs" / "evidence" / "pipeline.json"
PARTS = ("sustained", "memory", "processor", "takeover", "scale")
COMMAND = "kilowatch bench pipeline --json " + " ".join(f"--only {part}" for part in PARTS)
FLEETS = {"10 thousand": 10_000, "one million": 1_000_000, "100 million": 100_000_000}
EVERY_S, BUSY, COPIES, KEEP_DAYS, LEAST_PARTITIONS, MEASURED_TO = 30.0, 0.6, 3, 7, 12, 1_000_000
DAY_S = 86_400
INTRO = f"""# Scaling

How many brokers, partitions and pods a fleet needs, and what that costs. Written by `python
scripts/make_scaling_docs.py` from what this printed on one machine:

<!-- needs:broker -->
```sh
{COMMAND} > docs/evidence/pipeline.json
```

**Measured is what the first two tables hold, with up to a million meters, the memory of two; everything after them is
arithmetic on those figures**: it takes for granted that work grows with readings, memory with devices, and a copy of
a partition costs its broker as much as the first. No run of ours had more than one machine, or more than one broker
under this load. Two processes of detectors shared that machine with the broker and the sender, so it knows nothing of
networks between machines.
"""
PROCESSES = (1, 2, 4)
GROUP = """## One, two and four detectors

One group over {partitions} partitions, each run on a broker of its own, all on the machine above: its cores, which the
broker and the sender use too, bound what more processes can bring. The processes of the second and third row are twice
as many as the run began with: half of them joined while readings flowed, and *shared* is from their start, Python's
included, until each held its share. Rows `scale_...` of the command.
"""


@dataclass(frozen=True, slots=True)
class Prices:
    """What a month costs: a core, a GB of memory, a GB of disk."""

    core: float
    gb: float
    disk_gb: float


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured: CPU time of each part a reading; memory of a detector without devices, and of a device."""

    detector_us: float
    broker_us: float
    processor_us: float
    base_mb: float
    device_kb: float

    @classmethod
    def of(cls, rows: dict[str, float]) -> Costs:
        """Read them from the rows; `KeyError` names the one that was not measured."""
        small, large = rows["detector_mb_1k"], rows["detector_mb_1m"]
        device_kb = (large - small) * 1000.0 / (MEASURED_TO - 1000)
        return cls(
            rows["sustained_cpu_us_worker"], rows["sustained_cpu_us_broker"], rows["processor_us"], small, device_kb
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fleet needs. Cores are of all pods of a kind together."""

    readings_per_s: float
    detector_cores: float
    processor_cores: float
    broker_cores: float
    partitions: int
    detectors: int
    processors: int
    brokers: int
    memory_gb: float
    disk_gb: float

    def month(self, prices: Prices) -> float:
        """Return what it costs a month; a pod takes a core of its own, a broker four."""
        cores = self.detectors + self.processors + 4 * self.brokers
        return cores * prices.core + self.memory_gb * prices.gb + self.disk_gb * prices.disk_gb


def plan(devices: int, costs: Costs) -> Plan:
    """Return what so many meters need that speak every 30 s, each core busy to 60 %."""
    rate = devices / EVERY_S
    detector, processor = rate * costs.detector_us / 1e6, rate * costs.processor_us / 1e6
    broker = rate * costs.broker_us / 1e6 * COPIES
    detectors, processors = math.ceil(detector / BUSY), math.ceil(processor / BUSY)
    partitions = math.ceil(max(LEAST_PARTITIONS, 2 * detectors) / LEAST_PARTITIONS) * LEAST_PARTITIONS
    brokers = max(COPIES, math.ceil(broker / BUSY / 4))
    memory_gb = (detectors * costs.base_mb + devices * costs.device_kb / 1000) / 1000 + 8 * brokers
    disk_gb = rate * len(message()) * DAY_S * KEEP_DAYS * COPIES / 1e9
    return Plan(
        rate, detector, processor, broker, partitions, detectors, processors, brokers, memory_gb, disk_gb
    )  # fmt: skip


def message() -> bytes:
    """Return a reading as a meter sends it."""
    return msgspec.json.encode(
        Reading(v=1, site="house123456", device="meter", ts_ms=1_767_567_600_000, power_w=1234.5, seq=123456)
    )


def render(found: BenchOutput, prices: Prices) -> str:
    """Return the whole page."""
    rows = {row.name: row.value for row in found.rows if row.value is not None}
    units = {row.name: row.unit for row in found.rows}
    costs = Costs.of(rows)
    sizes = [name for name in rows if name.startswith("detector_mb_")]
    used = ["kilowatch_readings_per_s", "sustained_cpu_us_worker", "sustained_cpu_us_broker", "processor_us"]
    used += [*sizes, "takeover_s"]
    parts = [INTRO, f"## Measured\n\n{found.machine}\n", "| row of the command | value | unit |", "|---|---|---|"]
    parts += [f"| `{name}` | {rows[name]:,g} | {units[name]} |" for name in used if name in rows]
    parts += ["", *_group(rows)]
    parts += ["", "## Computed", "", _rules(prices, costs), ""]
    plans = {name: plan(devices, costs) for name, devices in FLEETS.items()}
    parts += ["| | " + " | ".join(f"{name} meters" for name in plans) + " |", "|---" * (len(plans) + 1) + "|"]
    parts += [
        f"| {label} | " + " | ".join(show(one) for one in plans.values()) + " |" for label, show in _LINES.items()
    ]
    parts += ["| cost a month | " + " | ".join(f"{one.month(prices):,.0f}" for one in plans.values()) + " |", ""]
    return "\n".join(parts)


def _group(rows: dict[str, float]) -> list[str]:
    """Return what a growing group did; `KeyError` names the row that was not measured."""
    lines = [GROUP.format(partitions=LEAST_PARTITIONS)]
    lines += ["| processes | offered, readings/s | judged, readings/s | shared, s | waiting in the end | not judged |"]
    lines += ["|---|---|---|---|---|---|"]
    for count in PROCESSES:
        shared = "–" if count == 1 else f"{rows[f'scale_{count}_rebalance_s']:.1f}"
        figures = (f"scale_{count}_{name}" for name in ("readings_per_s", "lag_end", "not_judged"))
        judged, waiting, lost = (f"{rows[name]:,.0f}" for name in figures)
        lines.append(f"| {count} | {rows['scale_offered_per_s']:,.0f} | {judged} | {shared} | {waiting} | {lost} |")
    return lines


_LINES: dict[str, Callable[[Plan], str]] = {
    "readings/s": lambda one: f"{one.readings_per_s:,.0f}",
    "cores of detectors, all busy": lambda one: f"{one.detector_cores:,.2f}",
    "detector pods": lambda one: f"{one.detectors:,}",
    "cores of processors, all busy": lambda one: f"{one.processor_cores:,.2f}",
    "processor pods": lambda one: f"{one.processors:,}",
    "brokers of 4 cores": lambda one: f"{one.brokers:,}",
    "partitions": lambda one: f"{one.partitions:,}",
    "memory, GB": lambda one: f"{one.memory_gb:,.1f}",
    "disk of brokers, GB": lambda one: f"{one.disk_gb:,.0f}",
}


def _rules(prices: Prices, costs: Costs) -> str:
    return f"""- A meter speaks every {EVERY_S:g} s. Cores are busy to {BUSY:.0%}. A pod of a detector or processor
  has one core, for its process uses one.
- Twice as many partitions as detectors, in dozens. {COPIES} copies of each message, each priced like the first.
- A message is {len(message())} bytes: JSON, not compressed. It is kept for {KEEP_DAYS} days.
- A detector holds {costs.base_mb:.0f} MB, and {costs.device_kb:.2f} kB a device; a broker 8 GB.
- Registry, metric processor, actor and page come beside that, a pod or two each; so does PostgreSQL, which hears of
  incidents and not of readings.
- Money: {prices.core:g} a core, {prices.gb:g} a GB of memory and {prices.disk_gb:g} a GB of disk a month are
  **assumptions** of nobody's price list. Put your own in by `--core --gb --disk-gb`."""


def main() -> int:
    """Write the page; 1 where nothing was measured yet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, usual in (("core", 20.0), ("gb", 3.0), ("disk-gb", 0.1)):
        parser.add_argument(f"--{name}", type=float, default=usual)
    asked = parser.parse_args()
    if not MEASURED.exists():
        print(f"Nothing was measured yet. Run: {COMMAND} > {MEASURED.relative_to(ROOT)}")
        return 1
    found = msgspec.json.decode(MEASURED.read_bytes(), type=BenchOutput)
    try:
        PAGE.write_text(render(found, Prices(asked.core, asked.gb, asked.disk_gb)), encoding="utf-8")
    except KeyError as missing:
        print(f"{MEASURED.relative_to(ROOT)} has no row {missing}. Run: {COMMAND}")
        return 1
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
