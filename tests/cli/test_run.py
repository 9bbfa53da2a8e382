"""`kilowatch run` without its page: it watches plugs of a home, and loads nothing that only others need."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from app.live import until
from kilowatch.cli.main import COMMANDS
from kilowatch.cli.on_demand import OnDemand
from kilowatch.cli.run import _work
from kilowatch.errors import StateError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.journal import read_blocks
from kilowatch.observability import Metrics
from kilowatch.observability.health import Health
from kilowatch.sim.plugs import Make
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.app.edge.build import BuiltEdge

NOT_WANTED = (
    *("pyarrow", "alembic", "mako", "rich", "pygments", "fastapi", "starlette", "nicegui", "plotly", "pandas"),
    *("onnxruntime", "keras", "jax", "scipy", "sklearn", "confluent_kafka", "psycopg"),
    *(
        "kilowatch.lab",
        "kilowatch.demo",
        "kilowatch.sim",
        "kilowatch.web",
        "kilowatch.install",
        "kilowatch.links.files",
    ),
)
_CODE = (
    "import sys\n"
    "from kilowatch.cli.main import app\n"
    "app(['run', '--for', '2'], standalone_mode=False)\n"
    f"print(*[name for name in {NOT_WANTED!r} if name in sys.modules])"
)


def test_without_the_page_nothing_is_loaded_that_watching_does_not_need(tmp_path: Path) -> None:
    sim = plug_of(Make.SHELLY2)
    with host_of(sim):
        (tmp_path / "kilowatch.toml").write_text(
            f'[data]\nfolder = "{tmp_path / "data"}"\n[web]\nenabled = false\n[metrics]\nenabled = false\n'
            f'[devices.tv]\nkind = "tv"\nplug = "{sim.address}"\npoll = true\n'
        )
        command = [sys.executable, "-c", _CODE]
        # The first start makes the tables and leaves a snapshot; what is asked of is every start after it.
        first, after = (
            subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
            for _ in range(2)
        )
    assert "alembic" in first.stdout
    assert after.stdout.strip() == ""
    assert "Watching home: 1 devices known, readings from poll." in after.stderr
    assert "Nothing is switched off" in after.stderr
    database = Database(DatabaseSettings(f"sqlite:///{tmp_path / 'data' / 'kilowatch.db'}"))
    with database.read() as books:
        assert books.devices.get("home", "tv") is not None
    database.close()
    assert len(sim.seen) >= 2


def test_without_hardware_files_and_a_simulated_home_are_watched(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "kettle.jsonl"
    (tmp_path / "kilowatch.toml").write_text(
        '[data]\nfolder = "data"\n[web]\nenabled = false\n[sources.files.logger]\npath = "logs"\n'
        "[sources.sim]\nenabled = true\ninterval_s = 1\n"
    )
    for turn in range(2):
        with log.open("a") as file:
            file.write(f'{{"v":1,"site":"shed","device":"kettle","ts_ms":{1767225600000 + turn},"power_w":{turn}}}\n')
        command = [sys.executable, "-m", "kilowatch", "run"]
        running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        try:
            until(partial(is_logged, tmp_path, turn + 1), "no readings came")
        finally:
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)
        assert running.returncode == 0
        assert "readings from files:logger, sim" in said
    assert logged_by_hand(tmp_path) == [0, 1]


def logged(folder: Path) -> list[dict[str, Any]]:
    return [
        msgspec.json.decode(value)
        for path in sorted((folder / "data" / "log").glob("*.log"))
        for block in read_blocks(path)
        for value in msgspec.msgpack.decode(block)[1]
    ]


def logged_by_hand(folder: Path) -> list[float]:
    return [one["power_w"] for one in logged(folder) if one.get("source") is None and "power_w" in one]


def is_logged(folder: Path, by_hand: int) -> bool:
    simulated = {one["device"] for one in logged(folder) if one.get("source") == "sim"}
    return len(logged_by_hand(folder)) >= by_hand and simulated >= {"fridge", "mains"}


def test_every_command_is_where_the_table_says() -> None:
    commands = OnDemand(COMMANDS)
    assert list(commands) == list(COMMANDS)
    assert [command.name for command in commands.values()] == list(COMMANDS)
    assert all(command.help for command in commands.values())


class FailingEdge:
    """An edge that comes to its end at once, and the log that its sources write to."""

    def __init__(self) -> None:
        self.edge = self.parts = self.log = self

    def run(self, stop: object) -> None:
        raise StateError("The state is torn.", "Look.")

    def send(self, *_: object, **__: object) -> None: ...

    def poll(self, timeout_s: float) -> int:
        time.sleep(timeout_s)
        return 0

    def flush(self, timeout_s: float) -> int:
        return 0


def test_an_edge_that_fails_ends_its_sources_too() -> None:
    stop = threading.Event()
    try:
        with pytest.raises(StateError, match="torn"):
            _work(cast("BuiltEdge", FailingEdge()), [], stop, Metrics(), Health())
        assert stop.is_set()
        assert "processor" not in {thread.name for thread in threading.enumerate()}
    finally:
        stop.set()
