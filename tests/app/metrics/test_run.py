"""The metric processor's process: what it opened is let go of however it ends."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from kilowatch.app.metrics.run import serve_metrics
from kilowatch.config import Config
from kilowatch.config.database import DatabaseConfig
from kilowatch.config.sections import MetricsConfig
from kilowatch.errors import ComponentError
from kilowatch.links.database import Database, DatabaseSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_the_database_is_closed_where_nothing_can_be_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, closed = f"sqlite:///{tmp_path / 'kilowatch.db'}", list[Database]()
    with closing(Database(DatabaseSettings(url))) as owner:
        owner.upgrade()

    def close(database: Database) -> None:
        closed.append(database)

    monkeypatch.setattr(Database, "close", close)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = Config(database=DatabaseConfig(url=url), metrics=MetricsConfig(port=taken.getsockname()[1]))
        with pytest.raises(ComponentError, match="cannot be served"):
            serve_metrics(config, threading.Event())
    assert len(closed) == 1
