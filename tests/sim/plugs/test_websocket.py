"""The RPC channel of a Gen2 plug, spoken with a client of a few lines; aioshelly's own words are played back."""

from __future__ import annotations

import json
import socket
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from kilowatch.sim.plugs import Make
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.sim.plugs import SimPlug

PASSWORD = "word"  # noqa: S105


class Talk:
    """A WebSocket client: one text frame out, one in."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.socket.sendall(
            b"GET /rpc HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self.file = self.socket.makefile("rb")
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            self.head += self.file.read(1)

    def send(self, payload: bytes, opcode: int = 1) -> None:
        mask = b"\x01\x02\x03\x04"
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        self.socket.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def receive(self) -> tuple[int, bytes]:
        first, size = self.file.read(2)
        if size == 126:
            size = int.from_bytes(self.file.read(2), "big")
        return first & 0x0F, self.file.read(size)

    def call(self, **frame: Any) -> dict[str, Any]:
        self.send(json.dumps({"id": 1, "src": "test", **frame}).encode())
        while "id" not in (said := json.loads(self.receive()[1])):
            assert said["method"] == "NotifyStatus"
        answer: dict[str, Any] = said
        return answer

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def sim() -> Iterator[SimPlug]:
    sim = plug_of(Make.SHELLY2, password=PASSWORD)
    with host_of(sim):
        yield sim


@pytest.fixture
def talk(sim: SimPlug) -> Iterator[Talk]:
    talk = Talk(sim.port)
    yield talk
    talk.close()


def login(challenge: dict[str, Any], count: int, password: str = PASSWORD) -> dict[str, Any]:
    """Answer as the vendor documents: method and target are dummies."""
    h1 = sha256(f"admin:{challenge['realm']}:{password}".encode()).hexdigest()
    h2 = sha256(b"dummy_method:dummy_uri").hexdigest()
    response = sha256(f"{h1}:{challenge['nonce']}:{count}:c:auth:{h2}".encode()).hexdigest()
    return {**challenge, "username": "admin", "nc": count, "cnonce": "c", "response": response}


def test_the_handshake_is_the_standards_own_example(talk: Talk) -> None:
    assert b"101 Switching Protocols" in talk.head
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in talk.head


def test_calls_need_the_login_and_one_nonce_serves_for_all(talk: Talk, sim: SimPlug) -> None:
    assert talk.call(method="Shelly.GetDeviceInfo")["result"]["id"] == sim.identity
    refused = talk.call(method="Switch.Set", params={"id": 0, "on": False})
    assert refused["error"]["code"] == 401
    challenge = json.loads(refused["error"]["message"])
    wrong = talk.call(method="Switch.Set", params={"id": 0, "on": False}, auth=login(challenge, 1, "no"))
    assert wrong["error"]["code"] == 401
    off = talk.call(method="Switch.Set", params={"id": 0, "on": False}, auth=login(challenge, 1))
    assert (off["result"], off["dst"]) == ({"was_on": True}, "test")
    status = talk.call(method="Shelly.GetStatus", auth=login(challenge, 2))["result"]["switch:0"]
    assert (status["output"], status["apower"]) == (False, 0.0)
    other = Talk(sim.port)
    replayed = other.call(method="Switch.Set", params={"id": 0, "on": True}, auth=login(challenge, 1))
    assert replayed["error"]["code"] == 401
    other.close()
    assert [seen.switched for seen in sim.seen if seen.switched is not None] == [False]


def test_pings_are_answered_and_nonsense_ends_nothing(talk: Talk) -> None:
    talk.send(b"hello", opcode=9)
    assert talk.receive() == (10, b"hello")
    talk.send(b"{")
    assert b"Invalid argument" in talk.receive()[1]
    assert talk.call(method="Shelly.GetDeviceInfo")["result"]["gen"] == 2
    talk.send(b"", opcode=8)
    assert talk.receive()[0] == 8


def test_plugs_of_other_makes_have_no_channel() -> None:
    sim = plug_of(Make.SHELLY1)
    with host_of(sim):
        talk = Talk(sim.port)
        talk.close()
    assert b"404" in talk.head


def test_who_talks_to_it_is_told_when_it_is_switched(sim: SimPlug) -> None:
    sim.password = None
    talk, other = Talk(sim.port), Talk(sim.port)
    talk.call(method="Switch.GetStatus", params={"id": 0})
    other.call(method="Switch.Set", params={"id": 0, "on": False})
    opcode, payload = talk.receive()
    said = json.loads(payload)
    assert (opcode, said["method"], said["dst"]) == (1, "NotifyStatus", "test")
    assert said["params"]["switch:0"]["output"] is False
    talk.close()
    other.close()


def test_a_stranger_is_told_nothing(sim: SimPlug) -> None:
    sim.password = PASSWORD
    stranger = Talk(sim.port)
    stranger.call(method="Switch.GetStatus", params={"id": 0})
    sim.switch(on=False)
    stranger.send(json.dumps({"id": 2, "src": "test", "method": "Shelly.GetDeviceInfo"}).encode())
    assert json.loads(stranger.receive()[1])["id"] == 2
    stranger.close()
