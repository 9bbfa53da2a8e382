"""What all tests share: a folder for the run; in CI nothing real may be missing, so there its skip is a failure."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

import pytest

from components.once import FOLDER

if TYPE_CHECKING:
    from collections.abc import Generator

pytest_plugins = ["components.fixtures"]

_REAL = (
    "data",
    "browser",
    "kafka",
    "zookeeper",
    "mqtt",
    "postgres",
    "prometheus",
    "homeassistant",
    "cluster",
    "container",
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of this run; the workers of pytest-xdist inherit its name."""
    if not hasattr(config, "workerinput"):
        folder = os.environ[FOLDER] = tempfile.mkdtemp(prefix="kilowatch-tests-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that wait for something real, so that no worker is left alone with them in the end."""
    waiting = {item.path for item in items if any(item.get_closest_marker(name) for name in _REAL)}
    items.sort(key=lambda item: item.path not in waiting)


def pytest_collection_finish() -> None:
    """Spare every later garbage collection the tests, modules and trees of code that stay to the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test that needs something real into a failure where `CI` is set."""
    report = yield
    real = [name for name in _REAL if item.get_closest_marker(name) is not None]
    # Where CI runs is not ours to choose, and to mount a disk takes a right that not every place gives.
    if os.environ.get("CI") and report.skipped and real and item.get_closest_marker("mount") is None:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} needs {' and '.join(real)}, which CI must have: {report.longrepr}"
    return report
