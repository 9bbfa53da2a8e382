"""What the demo's devices have learnt, once for all tests of it, in a cache of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kilowatch.demo.learnt import learnt

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def state(cache: Path) -> bytes:
    return learnt(lambda _: None, cache)
