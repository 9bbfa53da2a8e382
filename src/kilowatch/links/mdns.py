"""Asks the local network which plugs are there: one multicast DNS question, and what is answered to it.

A one-shot query as in RFC 6762, section 5.1: from a port of our own, so that answers come back to us alone and no
responder is in anybody's way. Message format: RFC 1035, section 4.1.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass

from kilowatch.errors import ComponentError

GROUP = ("224.0.0.251", 5353)
SERVICES = ("_shelly._tcp.local", "_http._tcp.local")
"""Shelly announces itself under the first from its second generation on, and under the second in all."""
_PTR, _A, _TXT, _IN = 12, 1, 16, 1
_HEAD = struct.Struct(">HHHHHH")
_RECORD = struct.Struct(">HHIH")
_MOST_JUMPS = 32


@dataclass(frozen=True, slots=True)
class Announced:
    """One service instance, such as shellyplusplugs-a8032ab12345, where it answered from, and its TXT values."""

    name: str
    host: str
    texts: dict[str, str]


def browse(listen_s: float, group: tuple[str, int] = GROUP) -> list[Announced]:
    """Return the services that answer within listen_s, by name; `ComponentError` where nothing can be sent."""
    found: dict[str, Announced] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        try:
            asker.sendto(_question(), group)
        except OSError as error:
            raise ComponentError(
                f"This network takes no multicast: {error.strerror}.", "Give addresses by hand."
            ) from error
        end_s = time.monotonic() + listen_s
        while (left_s := end_s - time.monotonic()) > 0:
            asker.settimeout(left_s)
            try:
                # The largest message that RFC 6762 allows, section 17.
                answer, (host, _) = asker.recvfrom(9000)
            except TimeoutError:
                break
            for one in _announced(answer, host):
                # The same plug answers for both services: its name makes it one.
                found[one.name] = one
    return sorted(found.values(), key=lambda one: one.name)


def _question() -> bytes:
    asked = b"".join(_encoded(service) + struct.pack(">HH", _PTR, _IN) for service in SERVICES)
    return _HEAD.pack(0, 0, len(SERVICES), 0, 0, 0) + asked


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _announced(answer: bytes, host: str) -> list[Announced]:
    """Return the instances that an answer names; an answer that cannot be read names none."""
    names: list[str] = []
    texts: dict[str, dict[str, str]] = {}
    try:
        for owner, kind, start, length in _records(answer):
            if kind == _PTR and owner in SERVICES:
                names.append(_name(answer, start)[0].removesuffix(f".{owner}"))
            elif kind == _TXT:
                texts[owner.partition("._")[0]] = _pairs(answer[start : start + length])
            elif kind == _A and length == 4:
                host = socket.inet_ntoa(answer[start : start + 4])
    except (struct.error, IndexError, OSError, ValueError):
        return []
    return [Announced(name, host, texts.get(name, {})) for name in names]


def _records(answer: bytes) -> list[tuple[str, int, int, int]]:
    """Return owner, type, start and length of every record's data."""
    _, _, questions, *counts = _HEAD.unpack_from(answer)
    at = _HEAD.size
    for _ in range(questions):
        at = _name(answer, at)[1] + 4
    out = []
    for _ in range(sum(counts)):
        owner, at = _name(answer, at)
        kind, _, _, length = _RECORD.unpack_from(answer, at)
        at += _RECORD.size
        out.append((owner, kind, at, length))
        at += length
    return out


def _name(answer: bytes, at: int) -> tuple[str, int]:
    """Return the name at a place and where what follows it begins; `ValueError` where it leads in a circle."""
    labels, end, jumps = [], -1, 0
    while answer[at]:
        if answer[at] & 0xC0 == 0xC0:
            end = at + 2 if end < 0 else end
            at = struct.unpack_from(">H", answer, at)[0] & 0x3FFF
            jumps += 1
            if jumps > _MOST_JUMPS:
                raise ValueError("a name that leads in a circle")
        else:
            labels.append(answer[at + 1 : at + 1 + answer[at]].decode())
            at += 1 + answer[at]
    return ".".join(labels), at + 1 if end < 0 else end


def _pairs(data: bytes) -> dict[str, str]:
    out, at = {}, 0
    while at < len(data):
        name, _, value = data[at + 1 : at + 1 + data[at]].decode().partition("=")
        out[name] = value
        at += 1 + data[at]
    return out
