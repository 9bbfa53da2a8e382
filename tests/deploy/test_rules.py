"""Recording and alerting rules: tested by Prometheus's own tool, each with a runbook, none on a metric of no table."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from deploy.boards import PROMETHEUS, ROOT, RUNBOOKS, loaded, metrics_of, rules
from kilowatch.observability import TABLE

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = {metric.name for metric in TABLE} | {rule["record"] for rule in rules("recording")}
ALERTS = rules("alerts")
SCENES = [scene for path in sorted(PROMETHEUS.glob("*_test.yml")) for scene in loaded(path)["tests"]]


def tool(name: str, *arguments: str, where: Path = PROMETHEUS) -> str:
    """Run a tool of Prometheus and return what it says; skip, or fail in CI, where there is none."""
    program = shutil.which(name)
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed.")
    done = subprocess.run([program, *arguments], cwd=where, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.prometheus
@pytest.mark.parametrize("path", sorted(PROMETHEUS.glob("*_test.yml")), ids=lambda path: path.stem)
def test_rules_pass_their_unit_tests(path: Path) -> None:
    assert "SUCCESS" in tool("promtool", "test", "rules", path.name)


@pytest.mark.prometheus
def test_configurations_are_valid(tmp_path: Path) -> None:
    tool("promtool", "check", "config", "prometheus.yml")
    tool("amtool", "check-config", "alertmanager.yml")
    broken = (
        (PROMETHEUS / "alertmanager.yml").read_text(encoding="utf-8").replace("receiver: phone", "receiver: nobody")
    )
    (tmp_path / "broken.yml").write_text(broken, encoding="utf-8")
    with pytest.raises(AssertionError, match="nobody"):
        tool("amtool", "check-config", "broken.yml", where=tmp_path)


@pytest.mark.parametrize("rule", [*rules("recording"), *ALERTS], ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_ask_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    asked = metrics_of(rule["expr"])
    assert asked or "up{" in rule["expr"]
    assert asked <= KNOWN


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_has_plain_words_a_runbook_and_a_test(alert: dict[str, Any]) -> None:
    notes = alert["annotations"]
    assert notes["summary"].endswith(".")
    assert notes["description"].endswith(".")
    page = (ROOT / notes["runbook_url"]).read_text(encoding="utf-8")
    assert page.startswith(f"# {alert['alert']}\n")
    for heading in ("## Why this happens", "## What to do", "## When it is fine"):
        assert heading in page
    checks = [check for scene in SCENES for check in scene.get("alert_rule_test", [])]
    mine = [bool(check["exp_alerts"]) for check in checks if check["alertname"] == alert["alert"]]
    assert set(mine) == {False, True}, "tested both where it fires and where it does not"


@pytest.mark.parametrize("rule", rules("recording"), ids=lambda rule: rule["record"])
def test_each_recording_rule_has_a_test_of_its_value(rule: dict[str, Any]) -> None:
    checks = [check for scene in SCENES for check in scene.get("promql_expr_test", [])]
    assert any(check["exp_samples"] for check in checks if rule["record"] in metrics_of(check["expr"]))


def test_no_runbook_is_left_over() -> None:
    names = {alert["alert"] for alert in ALERTS}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == names
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    assert all(f"({name}.md)" in index for name in names)
