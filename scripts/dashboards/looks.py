"""What a dashboard shows, before Grafana's words for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Look:
    """One panel. queries: (PromQL, legend) · shape: line, now (one number) or bars · wide: columns of 24."""

    title: str
    about: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    shape: str = "line"
    wide: int = 8
    tall: int = 8


@dataclass(frozen=True)
class Board:
    """One dashboard. rows: (heading, panels) · variables: (name, label, query)."""

    uid: str
    title: str
    about: str
    rows: tuple[tuple[str, tuple[Look, ...]], ...]
    variables: tuple[tuple[str, str, str], ...] = ()
    since: str = "now-24h"


def look(title: str, about: str, unit: str, *queries: tuple[str, str], **how: Any) -> Look:
    """Return a panel."""
    return Look(title, about, unit, queries, **how)


def now(title: str, about: str, unit: str, query: str, **how: Any) -> Look:
    """Return a panel of one number."""
    return Look(title, about, unit, ((query, ""),), "now", how.get("wide", 4), how.get("tall", 4))
