from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages import AT_MS, COLUMNS, EXAMPLES, READING
from kilowatch.core.events import (
    MAX_BATCH_READINGS,
    Control,
    Learnt,
    Message,
    PersonalWord,
    Reading,
    ReadingColumns,
    Rejected,
    RejectReason,
    Tick,
)
from kilowatch.core.wire import MAX_MESSAGE_BYTES, RejectedMessageError, WireDecoder
from kilowatch.errors import ReadingError

GOLDEN = Path(__file__).parent / "golden"
SCRIPT = Path(__file__).parents[2] / "scripts" / "make_contracts.py"
PLAIN: dict[str, Any] = {"v": 1, "site": "home", "device": "fridge", "ts_ms": AT_MS, "power_w": 92.5}
BATCH: dict[str, Any] = PLAIN | {"device": ["fridge", "tv"], "ts_ms": [AT_MS, AT_MS], "power_w": [1.0, 2.0]}


def as_json(message: object) -> bytes:
    return msgspec.json.encode(message)


def reason_of(raw: bytes) -> RejectReason:
    with pytest.raises(RejectedMessageError) as caught:
        WireDecoder().decode(raw)
    assert isinstance(caught.value, ReadingError)
    return caught.value.reason


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
class TestGolden:
    def test_is_written_byte_for_byte(self, message: msgspec.Struct) -> None:
        assert as_json(message) + b"\n" == (GOLDEN / f"{type(message).__name__}.json").read_bytes()

    def test_is_read_back_as_it_was(self, message: msgspec.Struct) -> None:
        golden = (GOLDEN / f"{type(message).__name__}.json").read_bytes()
        assert msgspec.json.decode(golden, type=type(message)) == message


def test_every_golden_file_has_an_example() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == {type(message).__name__ for message in EXAMPLES}


def test_what_was_rejected_before_topics_were_kept_is_read() -> None:
    before = b'{"v":1,"source":"mqtt","reason":"not_json","received_ms":1767225600000,"raw":"b24gZmlyZQ=="}'
    kept = msgspec.json.decode(before, type=Rejected)
    assert (kept.raw, kept.topic, kept.retained, kept.why) == (b"on fire", None, False, None)
    assert msgspec.json.encode(kept) == before


def test_the_contracts_page_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    script = runpy.run_path(str(SCRIPT))
    assert script["PAGE"].read_text(encoding="utf-8") == script["render"](), "run scripts/make_contracts.py"


def test_readings_and_batches_are_told_apart() -> None:
    decoder = WireDecoder()
    reading, columns = decoder.decode(as_json(READING)), decoder.decode(as_json(COLUMNS))
    assert isinstance(reading, Reading)
    assert isinstance(columns, ReadingColumns)
    assert msgspec.structs.asdict(reading) == msgspec.structs.asdict(READING)
    assert msgspec.structs.asdict(columns) == msgspec.structs.asdict(COLUMNS)
    assert decoder.with_unknown_fields == 0


def test_every_control_is_read() -> None:
    controls = [message for message in EXAMPLES if isinstance(message, Tick | PersonalWord | Learnt)]
    assert len(controls) == len(Control.__args__)
    decoder = WireDecoder()
    assert [decoder.decode(as_json(control)) for control in controls] == controls


def test_received_time_may_be_stamped_later() -> None:
    reading = WireDecoder().decode(as_json(PLAIN))
    assert isinstance(reading, Reading)
    assert reading.received_ms is None


@pytest.mark.parametrize("message", [PLAIN, BATCH], ids=["reading", "batch"])
def test_unknown_fields_are_ignored_and_counted(message: dict[str, Any]) -> None:
    decoder = WireDecoder()
    known = decoder.decode(as_json(message))
    more = decoder.decode(as_json(message | {"humidity": 0.4}))
    assert msgspec.structs.asdict(more) == msgspec.structs.asdict(known)
    assert decoder.with_unknown_fields == 1


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in PLAIN.items() if name != field}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (without("site"), RejectReason.MISSING_FIELD),
        (without("power_w"), RejectReason.MISSING_FIELD),
        (without("v"), RejectReason.MISSING_FIELD),
        (PLAIN | {"v": 2}, RejectReason.VERSION),
        (BATCH | {"v": 2}, RejectReason.VERSION),
        ({"v": 2, "control": "dance"}, RejectReason.VERSION),
        (PLAIN | {"v": 2, "power_w": "all"}, RejectReason.VERSION),
        (PLAIN | {"v": 0}, RejectReason.OUT_OF_BOUNDS),
        (PLAIN | {"v": "1"}, RejectReason.WRONG_TYPE),
        (PLAIN | {"power_w": "92.5"}, RejectReason.WRONG_TYPE),
        (PLAIN | {"power_w": None}, RejectReason.WRONG_TYPE),
        (PLAIN | {"power_w": True}, RejectReason.WRONG_TYPE),
        (PLAIN | {"power_w": 1e12}, RejectReason.OUT_OF_BOUNDS),
        (PLAIN | {"ts_ms": 1.5}, RejectReason.WRONG_TYPE),
        (PLAIN | {"ts_ms": 2**70}, RejectReason.OUT_OF_BOUNDS),
        (PLAIN | {"seq": 2**63}, RejectReason.OUT_OF_BOUNDS),
        (PLAIN | {"site": ""}, RejectReason.OUT_OF_BOUNDS),
        (PLAIN | {"device": "x" * 129}, RejectReason.OUT_OF_BOUNDS),
        (BATCH | {"power_w": [1.0]}, RejectReason.UNEQUAL_COLUMNS),
        (BATCH | {"on": [True, None, None]}, RejectReason.UNEQUAL_COLUMNS),
        (BATCH | {"power_w": [1.0, None]}, RejectReason.WRONG_TYPE),
        (BATCH | {"device": "fridge"}, RejectReason.WRONG_TYPE),
        (BATCH | {"ts_ms": [], "device": [], "power_w": []}, RejectReason.OUT_OF_BOUNDS),
        ({"v": 1, "control": "dance"}, RejectReason.OUT_OF_BOUNDS),
        ({"v": 1, "control": "ack", "site": "home"}, RejectReason.MISSING_FIELD),
        ([1, 2], RejectReason.WRONG_TYPE),
    ],
)
def test_what_breaks_the_contract_is_named(message: object, reason: RejectReason) -> None:
    assert reason_of(as_json(message)) is reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", RejectReason.NOT_JSON),
        (b"on fire", RejectReason.NOT_JSON),
        (as_json(PLAIN)[:-1], RejectReason.NOT_JSON),
        (b'{"v":1,"site":"\xff","device":"d","ts_ms":1,"power_w":1}', RejectReason.NOT_JSON),
        (b'{"v":1,"site":"s","device":"d","ts_ms":1,"power_w":NaN}', RejectReason.NOT_JSON),
        (b'{"v":1,"site":"s","device":"d","ts_ms":1,"power_w":1e999}', RejectReason.OUT_OF_BOUNDS),
        (b'{"v":1,"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}", RejectReason.NOT_JSON),
        (as_json(PLAIN | {"note": "x" * MAX_MESSAGE_BYTES}), RejectReason.TOO_LARGE),
    ],
)
def test_what_cannot_be_read_is_named(raw: bytes, reason: RejectReason) -> None:
    assert reason_of(raw) is reason


def test_a_batch_has_a_largest_size() -> None:
    def batch(size: int) -> bytes:
        return as_json(PLAIN | {"device": ["d"] * size, "ts_ms": [1] * size, "power_w": [1.0] * size})

    largest = WireDecoder().decode(batch(MAX_BATCH_READINGS))
    assert isinstance(largest, ReadingColumns)
    assert reason_of(batch(MAX_BATCH_READINGS + 1)) is RejectReason.OUT_OF_BOUNDS


def read_or_reject(raw: bytes) -> Message | RejectReason:
    try:
        return WireDecoder().decode(raw)
    except RejectedMessageError as error:
        return error.reason


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=60) | st.dictionaries(st.sampled_from([*PLAIN, "control", "seq", "on"]), _values).map(as_json)
)
def test_bad_input_never_stops_the_stream(raw: bytes) -> None:
    assert isinstance(read_or_reject(raw), Message | RejectReason)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(PLAIN)), _values)
def test_one_bad_field_is_read_or_named(field: str, value: object) -> None:
    assert isinstance(read_or_reject(as_json(PLAIN | {field: value})), Reading | ReadingColumns | RejectReason)


def test_numbers_not_known_are_null() -> None:
    event = next(message for message in EXAMPLES if type(message).__name__ == "IncidentEvent")
    silent = msgspec.structs.replace(event, observed_w=None, expected_low_w=None, expected_high_w=None)
    assert b'"expected_low_w":null,"expected_high_w":null,"observed_w":null' in as_json(silent)
