"""Malformed messages of every kind, each with the reason that it must be rejected for."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec

from app.messages import AT_MS, as_json, plain
from kilowatch.core.events import RejectReason
from kilowatch.core.wire import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REQUIRED = ("v", "site", "device", "ts_ms", "power_w")
_WRONG: dict[str, tuple[Any, ...]] = {
    "site": (7, None, ["home"], {}, True),
    "device": (7, None, {}, False),
    "ts_ms": ("1767225600000", 1.5, None, True, {}),
    "power_w": ("92", None, [1.0], True, {}),
    "received_ms": ("now", 1.5, {}),
    "energy_wh": ("10", [], False),
    "voltage_v": ("230", {}),
    "on": ("on", 1, []),
    "seq": ("3", 1.5),
    "backfill": ("yes", None, 0),
}
_BEYOND: dict[str, tuple[Any, ...]] = {
    "site": ("", "s" * 129),
    "device": ("", "d" * 129),
    "ts_ms": (-1, 253_402_300_800_000),
    "power_w": (1e10, -1e300),
    "energy_wh": (1e16,),
    "seq": (-1,),
    "v": (0, -3),
}


def malformed(count: int, seed: int = 0) -> Iterator[tuple[bytes, RejectReason]]:
    """Yield so many malformed messages, the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for number in range(count):
        yield _KINDS[number % len(_KINDS)](chance)


def next_version(chance: random.Random) -> tuple[bytes, RejectReason]:
    """Return what a later version would send."""
    return as_json(plain(v=2, device=_name(chance), ts_ms=_time(chance))), RejectReason.VERSION


def _truncated(chance: random.Random) -> tuple[bytes, RejectReason]:
    whole = as_json(plain(device=_name(chance)))
    return whole[: chance.randrange(len(whole))], RejectReason.NOT_JSON


def _noise(chance: random.Random) -> tuple[bytes, RejectReason]:
    return b"\x00" + chance.randbytes(chance.randrange(200)), RejectReason.NOT_JSON


def _not_utf8(chance: random.Random) -> tuple[bytes, RejectReason]:
    return as_json(plain(site="SITE")).replace(b"SITE", b"\xff\xfe" + _name(chance).encode()), RejectReason.NOT_JSON


def _deep(chance: random.Random) -> tuple[bytes, RejectReason]:
    return b'{"a":' * chance.randrange(2_000, 4_000), RejectReason.NOT_JSON


def _not_finite(chance: random.Random) -> tuple[bytes, RejectReason]:
    word = chance.choice((b"NaN", b"Infinity", b"-Infinity", b"0x1F", b"1,5"))
    return as_json(plain(power_w=0.5)).replace(b"0.5", word), RejectReason.NOT_JSON


def _missing(chance: random.Random) -> tuple[bytes, RejectReason]:
    fields = plain(device=_name(chance))
    del fields[chance.choice(_REQUIRED)]
    return as_json(fields), RejectReason.MISSING_FIELD


def _wrong_type(chance: random.Random) -> tuple[bytes, RejectReason]:
    name = chance.choice(list(_WRONG))
    return as_json(plain(**{name: chance.choice(_WRONG[name])})), RejectReason.WRONG_TYPE


def _out_of_bounds(chance: random.Random) -> tuple[bytes, RejectReason]:
    name = chance.choice(list(_BEYOND))
    return as_json(plain(**{name: chance.choice(_BEYOND[name])})), RejectReason.OUT_OF_BOUNDS


def _another_shape(chance: random.Random) -> tuple[bytes, RejectReason]:
    return as_json(chance.choice([7, "home", [1, 2], True, None, [plain()]])), RejectReason.WRONG_TYPE


def _unequal(chance: random.Random) -> tuple[bytes, RejectReason]:
    rows = chance.randrange(2, 6)
    batch = plain(device=["a"] * rows, ts_ms=[AT_MS] * rows, power_w=[1.0] * (rows - 1))
    return as_json(batch), RejectReason.UNEQUAL_COLUMNS


def _control(chance: random.Random) -> tuple[bytes, RejectReason]:
    return as_json({"v": 1, "control": "tick", "received_ms": _time(chance)}), RejectReason.WRONG_TYPE


def _too_large(chance: random.Random) -> tuple[bytes, RejectReason]:
    if chance.random() < 0.99:  # a megabyte each time would measure the disk
        return _noise(chance)
    return as_json(plain()) + b" " * MAX_MESSAGE_BYTES, RejectReason.TOO_LARGE


def _empty(chance: random.Random) -> tuple[bytes, RejectReason]:
    return chance.choice((b"", b" ", b"\n", b"\t\r\n ", b"\xef\xbb\xbf")), RejectReason.NOT_JSON


def _huge_number(chance: random.Random) -> tuple[bytes, RejectReason]:
    name = chance.choice(("ts_ms", "seq", "power_w", "energy_wh"))
    value = str(chance.randrange(2, 10)).encode() * chance.randrange(20, 500)
    return as_json(plain(**{name: 4242})).replace(b"4242", value), RejectReason.OUT_OF_BOUNDS


def _half_a_letter(chance: random.Random) -> tuple[bytes, RejectReason]:
    lone = b"\\u%04x" % chance.randrange(0xD800, 0xE000)
    return as_json(plain(device="LONE")).replace(b"LONE", lone), RejectReason.NOT_JSON


def _said_twice(chance: random.Random) -> tuple[bytes, RejectReason]:
    """The last word counts, and it is of the wrong type."""
    name = chance.choice(("site", "device", "power_w"))
    last = as_json({name: chance.choice(_WRONG[name])})
    return as_json(plain())[:-1] + b"," + last[1:], RejectReason.WRONG_TYPE


def _nul(chance: random.Random) -> tuple[bytes, RejectReason]:
    return as_json(
        plain(**{chance.choice(("site", "device", "source")): f"\0{_name(chance)}"})
    ), RejectReason.OUT_OF_BOUNDS


def _name(chance: random.Random) -> str:
    return f"plug-{chance.randrange(10_000)}"


def _time(chance: random.Random) -> int:
    return AT_MS + chance.randrange(10**9)


_KINDS: tuple[Callable[[random.Random], tuple[bytes, RejectReason]], ...] = (
    next_version,
    _truncated,
    _noise,
    _not_utf8,
    _deep,
    _not_finite,
    _missing,
    _wrong_type,
    _out_of_bounds,
    _another_shape,
    _unequal,
    _control,
    _too_large,
    _empty,
    _huge_number,
    _half_a_letter,
    _said_twice,
    _nul,
)


def as_mended(raw: bytes) -> bytes:
    """Return what a later kilowatch would read in a message of its own version."""
    fields = msgspec.json.decode(raw)
    return as_json(fields | {"v": 1})
