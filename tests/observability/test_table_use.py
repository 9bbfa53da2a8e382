"""Nothing in the sources names a metric that is not in the table; the lab's rows of benchmarks are no metrics."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from kilowatch.observability import TABLE
from observability.imports import reachable, tree

SOURCES = Path(__file__).resolve().parents[2] / "src" / "kilowatch"
NO_METRICS = {"kilowatch_read_only", "kilowatch_session"}
"""Words that look like metrics and are none: an execution option of the database."""


def words() -> dict[str, str]:
    """Return every word in the sources that looks like a metric, and where it stands."""
    found = {}
    for path in (path for path in SOURCES.rglob("*.py") if SOURCES / "lab" not in path.parents):
        for node in ast.walk(tree(path)):
            word = node.value if isinstance(node, ast.Constant) else None
            if isinstance(node, ast.Constant) and isinstance(word, str) and re.fullmatch(r"kilowatch_[a-z0-9_]+", word):
                found[word] = f"{path.relative_to(SOURCES)}:{node.lineno}"
    return found


def test_every_metric_named_in_the_sources_is_in_the_table() -> None:
    table = {metric.name for metric in TABLE}
    outside = {name: place for name, place in words().items() if name not in table | NO_METRICS}
    assert not outside


def test_base_units_are_those_that_prometheus_wants() -> None:
    wrong = re.compile(r"_(ms|milliseconds|wh|kwh|kilowatts|minutes|hours|percent|kb|mb)(_total)?$")
    assert [metric.name for metric in TABLE if wrong.search(metric.name)] == []


def test_every_metric_of_the_table_is_set_by_a_service_that_runs() -> None:
    """Named outside the table, in a module that a command comes to."""
    named: set[str] = set()
    for path in reachable(SOURCES, SOURCES / "cli" / "main.py"):
        if SOURCES / "observability" not in path.parents:
            nodes = ast.walk(tree(path))
            named |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert [metric.name for metric in TABLE if metric.name not in named] == []


def test_what_nobody_imports_sets_nothing(tmp_path: Path) -> None:
    for name, text in {
        "a": "def f():\n    from kilowatch import b",
        "b": "x = {'d': 'kilowatch.d:app'}",
        "c": "",
        "d": "",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    assert reachable(tmp_path, tmp_path / "a.py") == {tmp_path / f"{name}.py" for name in "abd"}
