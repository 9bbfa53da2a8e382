"""The one cluster of all files of this folder, and what it has to say where one of their tests fails."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from cluster.bed import IMAGE, PARTS, cluster, newer_image

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from cluster.bed import Cluster

_ASKED_S = 30.0
_TAIL = 12_000
_LOGS = """for space in energy home models; do for pod in $(kubectl -n $space get pods -o name); do
echo "== $space $pod"; kubectl -n $space logs $pod --all-containers --tail=15; done; done"""
_ASKED = (
    "kubectl get pods -A -o wide",
    "kubectl get events -A --sort-by=.lastTimestamp | tail -40",
    _LOGS,
)
_living: list[Cluster] = []


@pytest.fixture(scope="session")
def bare() -> Iterator[Cluster]:
    """Give a cluster without a release."""
    with cluster([IMAGE, *PARTS, newer_image()]) as found:
        _living.append(found)
        yield found
        _living.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put pods, events and the end of each log beside a failure: the cluster is gone when somebody reads it."""
    del item
    report = yield
    if report.failed:
        report.sections += [(asked.splitlines()[0], _said(on, asked)) for on in _living for asked in _ASKED]
    return report


def _said(on: Cluster, words: str) -> str:
    try:
        done = subprocess.run(
            [*on.before, "sh", "-c", words], capture_output=True, text=True, check=False, env=on.environment,
            timeout=_ASKED_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"no answer within {_ASKED_S:.0f} s"
    return (done.stdout + done.stderr)[-_TAIL:]
