"""What the demo's devices have learnt, once for all tests of it and of its page, in a cache of this run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.once import run_folder
from kilowatch.demo.learnt import learnt

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def cache() -> Path:
    return run_folder() / "demo"


@pytest.fixture(scope="session")
def state(cache: Path) -> bytes:
    return learnt(lambda _: None, cache)
