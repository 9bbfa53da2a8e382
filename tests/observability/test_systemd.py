"""What systemd hears from a loop: once that it is ready, then that it lives, at last that it ends."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kilowatch.observability.systemd import Systemd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Ear:
    """A service manager's socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(0.0)

    def heard(self) -> list[str]:
        words = []
        while True:
            try:
                words.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return words

    def close(self) -> None:
        self._socket.close()


@contextmanager
def listening(address: str) -> Iterator[Ear]:
    ear = Ear(address)
    try:
        yield ear
    finally:
        ear.close()


def test_ready_once_then_alive_three_times_in_the_time_that_it_may_be_silent(tmp_path: Path) -> None:
    now = [100.0]
    address = str(tmp_path / "notify")
    with listening(address) as ear:
        systemd = Systemd({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"}, lambda: now[0])
        systemd.turned()
        assert [words.splitlines()[0] for words in ear.heard()] == ["READY=1"]
        for _ in range(120):
            now[0] += 0.25
            systemd.turned()
        assert ear.heard() == ["WATCHDOG=1"] * 3
        systemd.ends()
        assert ear.heard()[0].startswith("STOPPING=1")


def test_a_loop_that_does_not_turn_is_silent(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with listening(address) as ear:
        Systemd({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000"})
        assert ear.heard() == []


def test_an_abstract_socket_is_reached() -> None:
    name = f"kilowatch-test-{os.getpid()}"
    with listening(f"\0{name}") as ear:
        Systemd({"NOTIFY_SOCKET": f"@{name}"}).turned()
        assert len(ear.heard()) == 1


def test_the_watchdog_of_another_process_is_not_ours(tmp_path: Path) -> None:
    now = [0.0]
    address = str(tmp_path / "notify")
    with listening(address) as ear:
        told = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}
        systemd = Systemd(told, lambda: now[0])
        systemd.turned()
        now[0] = 60.0
        systemd.turned()
        assert len(ear.heard()) == 1


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "no number"}])
def test_where_nobody_listens_nothing_happens(environment: dict[str, str]) -> None:
    systemd = Systemd(environment)
    systemd.turned()
    systemd.ends()
