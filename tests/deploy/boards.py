"""The dashboards and rules that are checked in, as the tests read them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
GRAFANA = ROOT / "deploy" / "grafana"
PROMETHEUS = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
_METRIC = re.compile(r"\bkilowatch[_:][a-z0-9_:]+")
_ENDINGS = ("_bucket", "_sum", "_count")


def dashboards() -> dict[str, dict[str, Any]]:
    """Return every dashboard by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(GRAFANA.glob("*.json"))}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a dashboard's panels without its rows' headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (panel title, PromQL) of a dashboard."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def filled(query: str, window: str = "15s") -> str:
    """Return a query with Grafana's variables filled in."""
    for variable in ("$site", "$device", "$kind"):
        query = query.replace(variable, ".*")
    return query.replace("$__rate_interval", window)


def loaded(path: Path) -> Any:
    """Return what a YAML file holds."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def dumped(content: Any) -> str:
    """Return content as YAML."""
    return str(yaml.safe_dump(content))


def rules(name: str) -> list[dict[str, Any]]:
    """Return the rules of a file."""
    groups = loaded(PROMETHEUS / "rules" / f"{name}.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def metrics_of(query: str) -> set[str]:
    """Return the names of our metrics and recorded series in a query, histograms by their base name."""
    names = set(_METRIC.findall(query))
    return {next((name.removesuffix(end) for end in _ENDINGS if name.endswith(end)), name) for name in names}
