"""Write docs/evidence/demo-seeds.md: ten demos played, what was found and how soon, what was called and what was not.

`demo_seeds.py [SEED...]` plays only those; quiet, faults and dry run over HTTP take about two minutes a seed, the
faults at any time of the day some seconds each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from evidence import ROOT, commit, machine

from demo.seeds import (
    DAY_MIN,
    PROTECTED,
    QUIET_S,
    SEEDS,
    Performance,
    cues,
    delay_min,
    performed,
    random_minute,
)
from kilowatch.demo.catalogue import QUICK, dashed
from kilowatch.demo.learnt import learnt
from kilowatch.demo.live import Staging
from kilowatch.sim.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = ROOT / "docs" / "evidence" / "demo-seeds.md"
SLOWER = {("fridge", Fault.REFRIGERANT_LOSS), ("fridge", Fault.DOOR_SEAL_LEAK), ("freezer", Fault.DOOR_OPEN)}
"""Found within the day, later than anybody watches a demo."""
INTRO = """# The demo over ten seeds

Written by `python scripts/demo_seeds.py`. Each seed is another home, which the devices have not learnt in. Over HTTP:
real servers on loopback, polled and switched as in `make demo`, two seconds for a minute of the home; a plug's own log
of requests says how often it was told to switch.
"""


def main() -> int:
    """Play, print each row as it is there, write the page, and return 1 where something was missed or called."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("seeds", nargs="*", type=int, help="all ten without any")
    seeds = parser.parse_args().seeds or list(SEEDS)
    lines = [INTRO, f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, commit {commit()}, {machine()}\n"]
    state, codes = learnt(lambda _: None), list[bool]()
    for line, is_well in [*_live(state, seeds), *_at_any_time(state, seeds)]:
        lines.append(line)
        codes.append(is_well)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(lines) + "\n")
    return 0 if all(codes) else 1


def _live(state: bytes, seeds: Sequence[int]) -> Iterator[tuple[str, bool]]:
    yield _shown("## Over HTTP\n\nDelays are of ours, from the fault to its incident.\n")
    yield _shown("| seed | quiet for 60 s | with four faults | switched off | dry run | protected plugs called |")
    yield _shown("|---|---|---|---|---|---|")
    unrest = 0
    for seed in seeds:
        quiet = _played(state, Staging(seed, cues=()), QUIET_S)
        faults = _played(state, Staging(seed, cues=cues(seed, 4)), 60.0)
        dry = _played(state, Staging(seed, dry_run=True, cues=cues(seed, 2)), 60.0)
        called = {device for one in (quiet, faults, dry) for device in one.called}
        found = "; ".join(
            f"{cue.device} {cue.fault}: " + _after(faults.delays_s[cue.device], "s") for cue in faults.staging.cues
        )
        protected = sum(one.calls[device] for one in (quiet, faults, dry) for device in PROTECTED)
        off = ", ".join(f"{device} ({count} call)" for device, count in faults.called.items()) or "nothing"
        row = (
            f"| {seed} | {quiet.output.incidents} incidents, {sum(quiet.calls.values())} calls | {found} | {off} "
            f"| {dry.output.incidents} incidents, {sum(dry.calls.values())} calls | {protected} |"
        )
        is_well = not quiet.called and not dry.called and None not in faults.delays_s.values()
        unrest += quiet.output.incidents
        yield _shown(row, is_well=is_well and not called & PROTECTED)
    yield _shown(f"\nIncidents in all quiet homes together: {unrest}.", is_well=unrest <= 1)


def _at_any_time(state: bytes, seeds: Sequence[int]) -> Iterator[tuple[str, bool]]:
    yield _shown(
        "\n## At a random time of the day\n\nThrough the same pipeline and state, without plugs. Minutes of the home "
        "from the fault to its incident, seed by seed; *promised* is what `kilowatch demo faults` says.\n"
    )
    yield _shown("| device | fault | minutes until it was found | promised |")
    yield _shown("|---|---|---|---|")
    for device, fault in sorted([*QUICK, *SLOWER]):
        promised = QUICK.get((device, fault))
        delays = []
        for seed in seeds:
            with tempfile.TemporaryDirectory() as folder:
                found = delay_min(Path(folder), state, (device, fault), seed, random_minute(seed), promised or DAY_MIN)
            delays.append(found)
        told = ", ".join("not" if one is None else f"{one:g}" for one in delays)
        row = f"| {device} | {dashed(fault)} | {told} | {'' if promised is None else promised} |"
        yield _shown(row, is_well=promised is None or None not in delays)


def _played(state: bytes, staging: Staging, most_s: float) -> Performance:
    with tempfile.TemporaryDirectory() as folder:
        return performed(Path(folder) / "data", state, staging, most_s)


def _after(delay: float | None, unit: str) -> str:
    return "not found" if delay is None else f"{delay:g} {unit}"


def _shown(line: str, *, is_well: bool = True) -> tuple[str, bool]:
    print(line, flush=True)
    return line, is_well


if __name__ == "__main__":
    sys.exit(main())
