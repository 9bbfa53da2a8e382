"""Prometheus and Alertmanager over our rules as they are shipped, hurried, and questions to them."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from deploy.boards import PROMETHEUS, dumped, loaded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PATIENCE_S = 90.0


def routes(hook: str) -> str:
    """Return the Alertmanager's configuration as it is shipped, with all told to one hook at once."""
    config = loaded(PROMETHEUS / "alertmanager.yml")
    config["global"] = {"resolve_timeout": "5m"}
    config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    config["receivers"] = [
        {"name": one["name"], "webhook_configs": [{"url": hook}] if one["name"] == "webhook" else []}
        for one in config["receivers"]
    ]
    return dumped(config)


def scrapes(folder: Path, ports: Sequence[int], alerts: str = "") -> str:
    """Return a configuration that scrapes and evaluates every second, and our rules without their patience.

    alerts: the address of an Alertmanager, empty where there is none.
    """
    names = []
    for path in sorted((PROMETHEUS / "rules").glob("*.yml")):
        content = loaded(path)
        for group in content["groups"]:
            group.pop("interval", None)
            group["rules"] = [rule | ({"for": "0s"} if "for" in rule else {}) for rule in group["rules"]]
        (folder / path.name).write_text(dumped(content), encoding="utf-8")
        names.append(str(folder / path.name))
    target = {"job_name": "kilowatch", "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}]}
    managers = [{"static_configs": [{"targets": [alerts.removeprefix("http://")]}]}] if alerts else []
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": names,
        "alerting": {"alertmanagers": managers},
        "scrape_configs": [target],
    }
    return dumped(config)


def ask(url: str, path: str, **query: str) -> Any:
    """Return what Prometheus's HTTP interface answers."""
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:  # noqa: S310
        told = json.load(answer)
    assert told["status"] == "success"
    return told["data"]


def waits(condition: Any) -> Any:
    """Return what a condition finds, asked again until it finds something or patience ends."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.5)
    return condition()
