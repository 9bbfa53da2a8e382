from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.messages import AT_MS, as_json, batches, plain, readings
from kilowatch.app.ingest import Decoder, decode, encode_batch
from kilowatch.app.ingest.slots import SlotMap
from kilowatch.core.device import Fleet, Kind, first_seen
from kilowatch.core.events import Reading, ReadingColumns, RejectReason, Tick
from kilowatch.core.slots import SlotTable
from kilowatch.core.wire import MAX_MESSAGE_BYTES
from kilowatch.lab.bench.ingest import rows as bench_rows

if TYPE_CHECKING:
    import pytest

    from kilowatch.core.reading import ReadingBatch

TICK = as_json({"v": 1, "control": "tick", "received_ms": AT_MS})
MUTE = as_json(
    {
        "v": 1,
        "control": "mute",
        "id": "c-1",
        "version": 1,
        "site": "home",
        "device": "tv",
        "ts_ms": AT_MS,
        "until_ms": 0,
    }
)


def rows_of(message: Reading | ReadingColumns) -> list[dict[str, Any]]:
    """Return each reading's fields the plain way."""
    fields = msgspec.structs.asdict(message)
    if isinstance(message, Reading):
        return [fields]
    size = len(message.ts_ms)
    spread = {name: value if isinstance(value, list) else [value] * size for name, value in fields.items()}
    return [{name: column[row] for name, column in spread.items()} for row in range(size)]


def rows_in(batch: ReadingBatch, fleet: Fleet) -> list[dict[str, Any]]:
    """Return each reading of a batch as the contract's fields."""
    records = [fleet.records[slot] for slot in batch.slot.tolist()]
    return [
        {
            "site": record.site,
            "device": record.device,
            "ts_ms": int(batch.ts_ms[row]),
            "received_ms": int(batch.filled("received_ms")[row]),
            "power_w": float(batch.power_w[row]),
            "energy_wh": none_if(float(batch.filled("energy_wh")[row]), np.nan),
            "voltage_v": none_if(float(batch.filled("voltage_v")[row]), np.nan),
            "current_a": none_if(float(batch.filled("current_a")[row]), np.nan),
            "on": none_if(int(batch.filled("on")[row]), -1),
            "seq": none_if(int(batch.filled("seq")[row]), -1),
            "backfill": bool(batch.filled("backfill")[row]),
        }
        for row, record in enumerate(records)
    ]


def none_if(value: float, nothing: float) -> float | None:
    return None if value == nothing or (value != value and nothing != nothing) else value


def expected(message: Reading | ReadingColumns) -> list[dict[str, Any]]:
    rows = [row | {"backfill": bool(row["backfill"])} for row in rows_of(message)]
    for row in rows:
        row["received_ms"] = row["ts_ms"] if row["received_ms"] is None else row["received_ms"]
    return [{name: row[name] for name in rows_in_names()} for row in rows]


def rows_in_names() -> list[str]:
    fleet = Fleet()
    return list(rows_in(decode([as_json(plain())], fleet).batch, fleet)[0])


@given(st.lists(readings() | batches(), max_size=12), st.randoms())
@settings(deadline=None, max_examples=60)
def test_columns_hold_what_the_messages_said(messages: list[Reading | ReadingColumns], random: Any) -> None:
    fleet = Fleet()
    raw = [as_json(message) for message in messages]
    decoded = Decoder(fleet).decode(raw)
    assert rows_in(decoded.batch, fleet) == [row for message in messages for row in expected(message)]
    assert not decoded.refused
    assert decoded.unknown == 0


@given(st.lists(readings() | batches(), min_size=1, max_size=12), st.integers(0, 12))
@settings(deadline=None, max_examples=40)
def test_any_cut_gives_the_same_readings(messages: list[Reading | ReadingColumns], cut: int) -> None:
    raw = [as_json(message) for message in messages]
    whole, parts = Fleet(), Fleet()
    decoder = Decoder(parts)
    at_once = rows_in(Decoder(whole).decode(raw).batch, whole)
    in_two = [row for some in (raw[:cut], raw[cut:]) for row in rows_in(decoder.decode(some).batch, parts)]
    assert in_two == at_once
    assert [record.device for record in parts.records] == [record.device for record in whole.records]


@given(st.lists(readings(), min_size=1, max_size=20))
@settings(deadline=None, max_examples=40)
def test_encoded_batches_read_back_by_site_in_order(messages: list[Reading]) -> None:
    fleet, again = Fleet(), Fleet()
    batch = decode([as_json(message) for message in messages], fleet).batch
    encoded = list(encode_batch(batch, fleet, most=3))
    back = decode([message for _, message in encoded], again).batch
    assert by_site(rows_in(back, again)) == by_site(rows_in(batch, fleet))
    assert all(msgspec.json.decode(message)["site"] == site for site, message in encoded)


def by_site(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {site: [row for row in rows if row["site"] == site] for site in sorted({row["site"] for row in rows})}


def test_a_bad_message_costs_the_others_nothing() -> None:
    fleet = Fleet()
    bad = [b"", b"{", b"\xff", b"[]", as_json(plain(power_w="92")), as_json(plain(v=2)), b"[" * 10_000]
    good = as_json(plain())
    decoded = Decoder(fleet).decode([message for one in bad for message in (good, one)] + [good])
    assert len(decoded.batch) == len(bad) + 1
    assert [refused.index for refused in decoded.refused] == list(range(1, 2 * len(bad), 2))
    assert {refused.reason for refused in decoded.refused} == {
        RejectReason.NOT_JSON,
        RejectReason.WRONG_TYPE,
        RejectReason.VERSION,
    }
    assert all(refused.sentence for refused in decoded.refused)


def test_a_message_too_large_is_refused_even_if_it_reads_as_a_reading() -> None:
    padded = as_json(plain()) + b" " * MAX_MESSAGE_BYTES
    (refused,) = decode([as_json(plain()), padded], Fleet()).refused
    assert (refused.index, refused.reason) == (1, RejectReason.TOO_LARGE)


def test_controls_keep_their_place_among_the_readings() -> None:
    columns = as_json(plain(device=["a", "b"], ts_ms=[AT_MS] * 2, power_w=[1.0, 2.0]))
    decoded = decode([MUTE, as_json(plain()), TICK, columns, MUTE, TICK], Fleet())
    assert [placed.after for placed in decoded.controls] == [0, 3]
    assert [placed.after for placed in decoded.ticks] == [1, 3]
    assert all(isinstance(placed.control, Tick) for placed in decoded.ticks)


def test_fields_that_nobody_knows_are_counted_once_a_message() -> None:
    decoder = Decoder(Fleet())
    decoded = decoder.decode([as_json(plain(colour="red")), as_json(plain())])
    assert len(decoded.batch) == 2
    assert decoded.unknown == 1
    assert decoder.decode([as_json(plain())]).unknown == 0


def test_columns_that_nobody_reports_are_not_there() -> None:
    batch = decode([as_json(plain())] * 3, Fleet()).batch
    optional = (batch.energy_wh, batch.voltage_v, batch.on, batch.seq, batch.backfill, batch.received_ms)
    assert optional == (None,) * 6


def test_a_new_device_joins_as_unknown_and_protected() -> None:
    fleet = Fleet([first_seen("home", "tv", Kind.TV)])
    batch = decode([as_json(plain(source="shelly")), as_json(plain(device="tv"))], fleet).batch
    assert batch.slot.tolist() == [1, 0]
    record = fleet.records[1]
    assert (record.site, record.device, record.kind, record.protected) == ("home", "fridge", Kind.UNKNOWN, True)
    assert record.source == "shelly"


class TestSlotMap:
    @given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=200))
    @settings(deadline=None, max_examples=50)
    def test_agrees_with_the_fleet(self, keys: list[tuple[str, str]]) -> None:
        fleet = Fleet()
        slots = SlotMap(fleet).slots([site for site, _ in keys], [device for _, device in keys])
        assert slots.tolist() == [fleet.slot(*key) for key in keys]
        assert len(fleet) == len(set(keys))

    def test_grows_with_the_fleet(self) -> None:
        fleet = Fleet()
        slots = SlotMap(fleet)
        for start in range(0, 20_000, 700):
            names = [f"plug-{number}" for number in range(start, start + 700)]
            assert slots.slots(["home"] * 700, names).tolist() == list(range(start, start + 700))
        fleet.add(first_seen("home", "by hand"))
        assert slots.slots(["home"], ["by hand"]).tolist() == [len(fleet) - 1]
        assert slots.slots(["home"] * 2, ["plug-0", "plug-13999"]).tolist() == [0, 13_999]

    def test_keys_that_want_the_same_cell_all_find_theirs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SlotTable, "_cells", lambda _self, site, _device: np.zeros(len(site), dtype=np.int64))
        fleet = Fleet()
        names = [f"plug-{number}" for number in range(300)]
        assert SlotMap(fleet).slots(["home"] * 300, names).tolist() == list(range(300))


def test_the_benchmark_measures_each_shape() -> None:
    rows = bench_rows(devices=500, readings=2_000)
    assert [row.name for row in rows] == ["ingest_us", "ingest_register_us", "ingest_columns_us"]
    assert all(row.value is not None and 0 < row.value < 1000 for row in rows)
