from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from supervisor.daemons import Daemon, Launch, StartError, bring_up, start
from supervisor.places import free_port, is_answering
from supervisor.record import load

if TYPE_CHECKING:
    from supervisor.kafka import Cluster

SCRIPT = Path(__file__).parents[2] / "scripts" / "components.py"


def sleeper(folder: Path, *, bound: bool = False) -> Launch:
    return Launch("sleeper", [sys.executable, "-c", "print('up', flush=True); input()"], folder, bound=bound)


def asleep(folder: Path) -> Launch:
    return Launch("asleep", [sys.executable, "-c", "import time; time.sleep(60)"], folder)


def test_a_daemon_is_stopped_by_its_id(tmp_path: Path) -> None:
    daemon = start(asleep(tmp_path))
    assert daemon.is_alive
    daemon.stop()
    assert not daemon.is_alive


def test_another_process_under_the_same_id_is_left_alone(tmp_path: Path) -> None:
    daemon = start(asleep(tmp_path))
    stranger = Daemon(daemon.name, daemon.pid, daemon.began - 1, daemon.log)
    stranger.kill()
    assert daemon.is_alive
    daemon.kill()


def test_a_daemon_that_ends_at_once_is_an_error_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="up"):
        bring_up(sleeper(tmp_path), lambda: False, timeout_s=20.0)


def test_what_up_has_started_is_found_again(tmp_path: Path) -> None:
    words = ["mosquitto", "--dir", str(tmp_path), "--ports", "auto"]
    assert run("status", words) == 1
    if (code := run("up", words)) == 4:
        pytest.skip("Mosquitto is not installed")
    assert code == 0
    record = load(tmp_path, "mosquitto")
    assert record is not None
    assert is_answering(int(record.addresses["MQTT_PORT"]))
    assert run("status", words) == 0
    assert run("up", words) == 0
    assert load(tmp_path, "mosquitto") == record
    assert run("down", words) == 0
    assert not record.is_alive
    assert run("status", words) == 1


def test_a_component_that_nobody_knows_is_wrong_usage(tmp_path: Path) -> None:
    assert run("up", ["rabbit", "--dir", str(tmp_path)]) == 2


def test_free_ports_are_free() -> None:
    assert not is_answering(free_port())


def test_no_two_who_ask_are_given_the_same_port_though_nobody_listens_yet() -> None:
    ports = [free_port() for _ in range(500)]
    assert len(set(ports)) == len(ports)


@pytest.mark.kafka
def test_kafka_takes_connections(kafka_cluster: Cluster) -> None:
    assert all(broker.is_answering for broker in kafka_cluster.brokers)


def run(action: str, words: list[str]) -> int:
    return subprocess.run([sys.executable, str(SCRIPT), action, *words], check=False, timeout=60).returncode
