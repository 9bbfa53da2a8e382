from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.fuzz import malformed
from app.messages import AT_MS, as_json, batches, plain, readings
from kilowatch.app.ingest.gate import Accepted, Gate
from kilowatch.core.events import Reading, ReadingColumns, Rejected, RejectReason
from kilowatch.core.wire import MAX_MESSAGE_BYTES, WireDecoder
from kilowatch.links.source import SourceMessage

SEEN_MS = AT_MS + 120


def judge(payload: bytes) -> Accepted | Rejected:
    return Gate().judge(SourceMessage("mqtt:home", payload, None, SEEN_MS))


def accepted(payload: bytes) -> Accepted:
    outcome = judge(payload)
    assert isinstance(outcome, Accepted), outcome
    return outcome


@given(readings() | batches())
@settings(deadline=None, max_examples=80)
def test_what_is_published_says_what_came_and_when(message: Reading | ReadingColumns) -> None:
    outcome = accepted(as_json(message))
    published = WireDecoder().decode(outcome.message)
    assert isinstance(published, type(message))
    rows = len(message.ts_ms) if isinstance(message, ReadingColumns) else 1
    stamp: Any = [SEEN_MS] * rows if isinstance(message, ReadingColumns) else SEEN_MS
    expected = msgspec.structs.replace(message, received_ms=message.received_ms or stamp)
    assert msgspec.structs.asdict(published) == msgspec.structs.asdict(expected)
    assert (outcome.site, outcome.readings) == (message.site, rows)


def test_fields_of_a_later_version_are_passed_on_and_counted() -> None:
    gate = Gate()
    outcome = gate.judge(SourceMessage("push", as_json(plain(phase="L2")), None, SEEN_MS))
    assert isinstance(outcome, Accepted)
    assert msgspec.json.decode(outcome.message)["phase"] == "L2"
    assert gate.counts.unknown == 1


class HesitantDecoder(WireDecoder):
    """Another thread may come between the look at its count and the count itself."""

    @property
    def with_unknown_fields(self) -> int:
        seen = self._seen
        time.sleep(0.001)
        return seen

    @with_unknown_fields.setter
    def with_unknown_fields(self, count: int) -> None:
        self._seen = count


def test_threads_do_not_count_over_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilowatch.app.ingest.gate.WireDecoder", HesitantDecoder)
    gate = Gate()
    message = SourceMessage("push", as_json(plain(phase="L2")), None, SEEN_MS)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(gate.judge, [message] * 80))
    assert (gate.counts.messages, gate.counts.unknown) == (80, 80)


@pytest.mark.parametrize("payload", [plain(received_ms=None), plain(source="received_ms")])
def test_a_stamp_counts_wherever_the_word_stands(payload: dict[str, Any]) -> None:
    assert msgspec.json.decode(accepted(as_json(payload)).message)["received_ms"] == SEEN_MS


def test_space_around_a_message_is_no_matter() -> None:
    assert msgspec.json.decode(accepted(b" \n" + as_json(plain()) + b"\n").message)["received_ms"] == SEEN_MS


def test_a_message_without_room_for_its_stamp_is_too_large() -> None:
    whole = as_json(plain())
    outcome = judge(whole + b" " * (MAX_MESSAGE_BYTES - len(whole)))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectReason.TOO_LARGE
    assert len(outcome.raw) == MAX_MESSAGE_BYTES


@pytest.mark.parametrize("payload", [b"on fire", b'{"apower":"much"}'])
def test_what_a_decoder_could_not_read_is_kept_raw_with_its_topic_and_why(payload: bytes) -> None:
    message = SourceMessage("mqtt:home", payload, "why " * 100, SEEN_MS, topic="plug/status", is_retained=True)
    assert Gate().judge(message) == Rejected(
        v=1,
        source="mqtt:home",
        reason=RejectReason.UNDECODABLE,
        received_ms=SEEN_MS,
        raw=payload,
        topic="plug/status",
        retained=True,
        why=("why " * 100)[:256],
    )


def test_every_kind_of_malformed_message_is_rejected_for_its_reason() -> None:
    gate = Gate()
    reasons: Counter[RejectReason] = Counter()
    for raw, reason in malformed(5_000):
        outcome = gate.judge(SourceMessage("fuzz", raw, None, SEEN_MS))
        assert isinstance(outcome, Rejected), raw[:200]
        assert outcome.reason is reason, (raw[:200], outcome.reason, reason)
        reasons[reason] += 1
    assert gate.counts.rejected == reasons
    assert set(reasons) == set(RejectReason) - {RejectReason.UNDECODABLE}
    assert (gate.counts.messages, gate.counts.readings) == (5_000, 0)


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=200)
def test_no_bytes_are_an_error(payload: bytes) -> None:
    assert isinstance(judge(payload), Accepted | Rejected)
