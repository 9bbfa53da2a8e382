from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from components.once import FOLDER, once_a_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _run_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))


def test_who_asks_while_it_is_made_waits_and_takes_it() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        time.sleep(0.2)
        return len(made)

    with ThreadPoolExecutor(3) as workers:
        assert list(workers.map(lambda _: once_a_run("number", make), range(3))) == [1, 1, 1]
    assert made == [1]


def test_what_failed_is_tried_again() -> None:
    with pytest.raises(ZeroDivisionError):
        once_a_run("number", lambda: 1 // 0)
    assert once_a_run("number", lambda: 7) == 7
