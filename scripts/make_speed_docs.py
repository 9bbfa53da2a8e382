"""Write docs/speed.md from what `kilowatch bench NAME --json` printed into docs/evidence/NAME.json."""

from __future__ import annotations

import sys

import msgspec
from generated import ROOT, keep

from kilowatch.lab.bench.pipeline.goals import GoalRow

PAGE, EVIDENCE = ROOT / "docs" / "speed.md", ROOT / "docs" / "evidence"
BENCHES = {
    "core": "Windows and cheap detectors, and the replay of a meter-month",
    "edge": "The edge classifier beside every runtime that a user would pick",
    "train": "Training beside PyTorch and Keras on TensorFlow",
    "pipeline": "Readings through real Kafka to verdicts",
    "edge-run": "`kilowatch run` with 20 plugs at 1 s",
    "web": "The page before real browsers, and `/metrics` of a fleet",
}
INTRO = """# Speed

Written by `python scripts/make_speed_docs.py` from what the commands named here printed with `--json` into
`docs/evidence`. The machines that the titles describe are shared ones: another, or a quieter moment, prints other
figures. Goals that were missed say so.
"""


class Printed(msgspec.Struct):
    """What a benchmark printed."""

    machine: str
    rows: list[GoalRow]


def text() -> str:
    """Return the page."""
    return "\n".join([INTRO, *(part(name, title) for name, title in BENCHES.items())])


def part(name: str, title: str) -> str:
    """Return the table of one benchmark, or that it has not been run."""
    path = EVIDENCE / f"{name}.json"
    head = f"## {title}\n\n`kilowatch bench {name}`"
    if not path.exists():
        return f"{head}: not measured yet.\n"
    printed = msgspec.json.decode(path.read_bytes(), type=Printed)
    lines = [f"{head} on {printed.machine}.\n", "| row | figure | unit | goal | |", "| --- | ---: | --- | --- | --- |"]
    return "\n".join([*lines, *map(line, printed.rows), ""])


def line(row: GoalRow) -> str:
    """Return a row of a table."""
    figure = "–" if row.value is None else f"{row.value:,}"
    reached = {None: "", True: "met", False: "**missed**"}[row.met]
    return f"| `{row.name}` | {figure} | {row.unit} | {row.goal} | {'; '.join(filter(None, (reached, row.note)))} |"


def main() -> int:
    """Write the page, or with --check return 1 where it is stale."""
    return keep({PAGE: text()})


if __name__ == "__main__":
    sys.exit(main())
