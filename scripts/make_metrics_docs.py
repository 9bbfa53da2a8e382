"""Write docs/metrics.md from the table of metrics; `--check` only compares."""

from __future__ import annotations

import sys
from itertools import groupby

from generated import ROOT, keep

from kilowatch.observability.table import TABLE, Metric

PAGE = ROOT / "docs" / "metrics.md"

INTRO = """# Metrics

What kilowatch's services tell Prometheus. This page is generated from the table in `kilowatch.observability.table` by
`python scripts/make_metrics_docs.py`. Names begin with `kilowatch_` and carry their base unit.

Prometheus wants base units: power is in watts, energy in joules (3.6 million to the kWh; Grafana's unit *joule* or
`/ 3.6e6` turn it into kWh), time in seconds. Sums over the fleet and lists of the top devices are always served. One
series a device is opt-in (`kilowatch serve metrics --each-device`): for homes, not for a million meters. "Today" is
each device's own local day; a series that says so begins anew at its midnight.
"""


def render() -> str:
    """Return the whole page."""
    parts = [INTRO]
    for group, metrics in groupby(TABLE, key=lambda metric: metric.group):
        rows = [_row(metric) for metric in metrics]
        parts += [f"## {group}\n", "| metric | type | labels | meaning |", "|---|---|---|---|", *rows, ""]
    return "\n".join(parts)


def _row(metric: Metric) -> str:
    labels = " ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"


def main() -> int:
    """Write the page, or with --check return 1 where it is stale."""
    return keep({PAGE: render()})


if __name__ == "__main__":
    sys.exit(main())
