"""Whatever arrives, a decoder returns reports or one named error, and what it returns keeps the contract."""

from __future__ import annotations

import math
import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.events import Reading, ReadingColumns
from kilowatch.core.wire import WireDecoder
from kilowatch.links.decode.overlay import Overlay, encoded
from kilowatch.links.decode.report import Availability, UndecodableError
from links.decode.stories import MESSAGES, RECEIVED_MS, vendors

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NASTY = (b"", b"null", b"[]", b"{}", b"1e999", b"-0", b"true", b'"x"', b"\x00", b"\xff\xfe", b"[" * 5000, b"9" * 400)


def survives(topic: str, payload: bytes, received_ms: int = RECEIVED_MS) -> bool:
    """Decode one message as the source does; return whether it was readable."""
    overlay, decoder = Overlay("home", "mqtt:test"), vendors()
    try:
        told = decoder.decode(topic, payload, received_ms)
        reports = [report for report in told.reports if not isinstance(report, Availability)]
        readings = [reading for r in reports if (reading := overlay.reading(r, received_ms)) is not None]
    except UndecodableError:
        return False
    if readings:
        assert isinstance(WireDecoder().decode(encoded(readings)), Reading | ReadingColumns)
        assert all(math.isfinite(reading.power_w) for reading in readings)
    return True


def mutated(payload: bytes, chance: random.Random) -> bytes:
    """Return a payload with something wrong: cut, flipped, doubled, a value replaced, or nasty as a whole."""
    how = chance.randrange(6)
    if how == 0:
        return payload[: chance.randrange(len(payload) + 1)]
    if how == 1:
        return chance.choice(_NASTY)
    if how == 2:
        place = chance.randrange(len(payload) + 1)
        return payload[:place] + bytes([chance.randrange(256)]) + payload[place + 1 :]
    if how == 3:
        return payload + payload
    if how == 4:
        return payload.replace(b":", b":" + chance.choice(_NASTY[:8]) + b",", 1)
    digits = [place for place, byte in enumerate(payload) if chr(byte).isdigit()]
    place = chance.choice(digits) if digits else 0
    return payload[:place] + chance.choice(_NASTY) + payload[place + 1 :]


def test_five_thousand_malformed_payloads_of_each_kind_raise_nothing_else() -> None:
    chance = random.Random(7)  # noqa: S311
    refused = 0
    for topic, payload in MESSAGES:
        refused += sum(not survives(topic, mutated(payload, chance)) for _ in range(5000 // len(MESSAGES) + 1))
    assert refused > 1000


def test_all_the_real_shapes_are_readable() -> None:
    assert all(survives(topic, payload) for topic, payload in MESSAGES)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([topic for topic, _ in MESSAGES]), st.binary(max_size=60) | _json.map(str).map(str.encode))
def test_any_bytes_at_any_topic(topic: str, payload: bytes) -> None:
    survives(topic, payload)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([topic for topic, _ in MESSAGES]), _json, st.integers(0, 2**45))
def test_any_json_at_any_topic(topic: str, value: object, received_ms: int) -> None:
    survives(topic, msgspec.json.encode(value), received_ms)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_any_topic(topic: str) -> None:
    survives(topic, b'{"power":1}')


def test_a_message_is_one_line_of_the_contract_or_a_batch() -> None:
    overlay = Overlay("home", "mqtt:test")
    both = b'{"method":"NotifyStatus","params":{"ts":1767567590,"switch:0":{"apower":1},"switch:1":{"apower":2}}}'
    reports = vendors().decode("p/events/rpc", both, RECEIVED_MS).reports
    readings = [r for report in reports if (r := overlay.reading(report, RECEIVED_MS)) is not None]  # type: ignore[arg-type]
    batch = WireDecoder().decode(encoded(readings))
    assert isinstance(batch, ReadingColumns)
    assert (batch.device, batch.power_w) == (["p", "p:1"], [1.0, 2.0])
