"""One multicast question, asked of a responder on loopback, and what its answers are taken to mean."""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.cli.discover import found_plugs
from kilowatch.config import Config
from kilowatch.links import mdns

if TYPE_CHECKING:
    from collections.abc import Iterator

SHELLY = b"\x07_shelly\x04_tcp\x05local\x00"


def answer_of(name: str, gen: str) -> bytes:
    """A PTR that points back into itself by a compressed name, its TXT and its A, as a Shelly answers."""
    label = bytes([len(name)]) + name.encode() + struct.pack(">H", 0xC000 | 12)
    owner = struct.pack(">H", 0xC000 | (12 + len(SHELLY) + 10))
    text = bytes([len(f"gen={gen}")]) + f"gen={gen}".encode()
    ptr = SHELLY + struct.pack(">HHIH", 12, 1, 120, len(label)) + label
    txt = owner + struct.pack(">HHIH", 16, 1, 120, len(text)) + text
    a = owner + struct.pack(">HHIH", 1, 1, 120, 4) + socket.inet_aton("192.0.2.7")
    return struct.pack(">HHHHHH", 0, 0x8400, 0, 3, 0, 0) + ptr + txt + a


@pytest.fixture
def responder() -> Iterator[tuple[str, int]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5.0)

        def serve() -> None:
            question, asker = server.recvfrom(9000)
            assert b"_shelly" in question
            for answer in (b"rubbish", answer_of("shellyplusplugs-a8032ab1", "2"), answer_of("printer", "x")):
                server.sendto(answer, asker)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        thread.join()


def test_a_plug_answers_with_its_name_address_and_generation(responder: tuple[str, int]) -> None:
    found = mdns.browse(0.5, responder)
    assert [one.name for one in found] == ["printer", "shellyplusplugs-a8032ab1"]
    assert (found[1].host, found[1].texts) == ("192.0.2.7", {"gen": "2"})


def test_discover_keeps_plugs_and_says_what_it_could_not_ask(
    responder: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    browse = mdns.browse
    monkeypatch.setattr(mdns, "browse", lambda seconds: browse(seconds, responder))
    output = found_plugs(Config(), 0.5)
    assert [(plug.name, plug.address) for plug in output.plugs] == [
        ("shellyplusplugs-a8032ab1", "shelly2://192.0.2.7/0")
    ]
    assert any("no broker" in way for way in output.missing)


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=60), st.integers(0, 100))
def test_no_answer_can_harm(noise: bytes, cut: int) -> None:
    whole = answer_of("shelly-1", "2")
    for answer in (noise, whole[:cut], whole[:cut] + noise, whole[: min(cut, 40)] + b"\xc0\x0c" + noise):
        assert isinstance(mdns._announced(answer, "192.0.2.1"), list)
