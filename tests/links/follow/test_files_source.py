"""Files that are followed: each row once, whatever the logger, the disk and the process do."""

from __future__ import annotations

import json
import logging
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from kilowatch.config.sources import FileColumnsConfig
from kilowatch.core.device import Kind
from links.follow.logger import HEAD, HOUR_MS, NOW_MS, Following, readings, rows, watts
from links.mqtt.brokers import Sink, until

if TYPE_CHECKING:
    from kilowatch.links.source import SourceMessage

JSON = b'{"v":1,"site":"home","device":"tv","ts_ms":1767225600000,"power_w":%d}\n'


def test_what_lies_there_is_read_once_and_what_grows_is_followed(tmp_path: Path) -> None:
    following = Following(tmp_path)
    following.write("fridge.csv", HEAD + rows(0, 5))
    following.write("tv.jsonl", JSON % 7)
    first = following.look()
    assert [reading["power_w"] for reading in readings(first)] == [*watts(0, 5), 7]
    fridge = readings(first)[0]
    assert (fridge["site"], fridge["device"], fridge["ts_ms"]) == ("home", "fridge", NOW_MS)
    assert {message.source for message in first} == {"files:log"}
    assert [(one.device, one.kind) for one in following.devices] == [("fridge", Kind.FRIDGE)]
    assert following.look() == []
    following.write("fridge.csv", rows(5, 2))
    following.write("tv.jsonl", JSON % 8)
    following.write("kettle.csv", HEAD + rows(0, 2))
    assert following.powers() == [*watts(5, 2), *watts(0, 2), 8]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    following = Following(tmp_path)
    following.write("fridge.csv", HEAD + rows(0, 3))
    assert following.powers() == watts(0, 3)
    following.write("fridge.csv", b"17672256")
    assert following.look() == []
    following.write("fridge.csv", b"03,1")
    assert following.look() == []
    following.write("fridge.csv", b"2.5\n")
    assert following.powers() == [12.5]


def test_columns_are_not_guessed_from_half_a_line(tmp_path: Path) -> None:
    following = Following(tmp_path)
    following.write("fridge.csv", b"time,power_w\n")
    assert following.look() == []
    following.write("fridge.csv", rows(0, 1) + b"17")
    assert following.look() == []
    following.write("fridge.csv", rows(1, 1)[2:])
    assert following.powers() == watts(0, 2)


def test_a_last_line_without_an_end_is_one_when_nobody_writes_any_more(tmp_path: Path) -> None:
    following = Following(tmp_path)
    following.write("fridge.csv", HEAD + (rows(0, 3)).removesuffix(b"\n"), age_ms=HOUR_MS)
    following.write("tv.jsonl", (JSON % 7).removesuffix(b"\n"), age_ms=HOUR_MS)
    assert following.look() == []
    following.now_ms += 1
    assert following.powers() == [*watts(0, 3), 7]
    assert following.look() == []


def test_a_restart_reads_nothing_twice_and_misses_nothing(tmp_path: Path) -> None:
    following = Following(tmp_path)
    following.write("fridge.csv", HEAD + rows(0, 5))
    following.write("tv.jsonl", JSON % 7)
    table = pa.table({"time": [NOW_MS // 1000 + number for number in range(3)], "power_w": watts(0, 3)})
    parquet.write_table(table, following.logs / "heater.parquet")
    assert following.powers() == [*watts(0, 5), *watts(0, 3), 7]
    following.restart()
    assert following.look() == []
    following.write("fridge.csv", rows(5, 1))
    following.restart()
    assert following.powers() == [5.5]


def test_what_was_not_safe_is_read_again(tmp_path: Path) -> None:
    following = Following(tmp_path)
    following.write("fridge.csv", HEAD + rows(0, 5))
    following.most = 3
    following.look()
    following.restart()
    following.most = 10**9
    assert following.powers() == watts(0, 5)


def test_what_becomes_safe_after_the_stop_is_not_read_again(tmp_path: Path) -> None:
    following, sink = Following(tmp_path), Sink(is_safe=False)
    following.write("fridge.csv", HEAD + rows(0, 5))
    following.source.start(sink.put)
    until(lambda: len(sink.messages) == 5)
    following.source.stop()
    for message in sink.messages:
        message.ack()
    following.restart()
    assert following.look() == []


def test_the_next_piece_waits_until_the_one_before_is_safe(tmp_path: Path) -> None:
    following, sink = Following(tmp_path), Sink(is_safe=False)
    following.write("fridge.csv", HEAD + rows(0, 40_000))
    following.source.start(sink.put)
    until(lambda: len(sink.messages) > 1000)
    following.source.stop()
    assert len(sink.messages) < 40_000


def test_lines_of_json_need_no_arrow() -> None:
    said = "import sys, kilowatch.links.follow, kilowatch.links.follow.candidates; sys.exit('pyarrow' in sys.modules)"
    subprocess.run([sys.executable, "-c", said], check=True, timeout=60)


def test_bad_rows_are_refused_with_their_reason_and_as_they_came(tmp_path: Path) -> None:
    following = Following(tmp_path)
    following.write(
        "fridge.csv", HEAD + rows(0, 3) + b"noon,4\n1767225604,many\r\n1767225605\n\xff\xfe,1\n" + rows(6, 1)
    )
    following.write("fridge.csv", b"1767225607,\n\n1767225608,1e12\n" + rows(9, 20))
    following.write("tv.jsonl", JSON % 7 + b"{half\n" + b'{"v":1,"site":"home","device":"tv"}\n' + JSON % 8)
    refused = following.refused()
    assert [(why, raw) for why, raw in refused if raw[:1] != b"{" or raw == b"{half"] == [
        ("fridge.csv, line 7: The line has 1 columns instead of 2.", b"1767225605"),
        ("fridge.csv, line 5: The time cannot be read.", b"noon,4"),
        ("fridge.csv, line 8: The time cannot be read.", b"\xff\xfe,1"),
        ("fridge.csv, line 6: The power is not a number.", b"1767225604,many"),
        ("not_json", b"{half"),
    ]
    without_power, too_much, *others = (pair for pair in refused if pair[1][:1] == b"{" and pair[1] != b"{half")
    assert without_power[0] == "fridge.csv: The row has no power."
    assert b'"ts_ms":1767225607000' in without_power[1]
    assert too_much[0] == "out_of_bounds"
    assert [why for why, _ in others] == ["missing_field"]
    told = [said for message in following.messages if message.reason is None and (said := _json(message))]
    good = [reading["power_w"] for reading in told if reading.get("power_w", 1e12) < 1e9]
    assert good == [*watts(0, 3), *watts(6, 1), *watts(9, 20), 7, 8]


def test_what_a_person_says_of_columns_and_zone_holds(tmp_path: Path) -> None:
    columns = FileColumnsConfig(time="t", power="b", device="who")
    following = Following(tmp_path, unit="kW", time_zone="Asia/Tokyo", columns=columns)
    lines = b"".join(b"2026-01-01 09:00:%02d,5,0.1,lamp %d\n" % (second, second % 2) for second in range(4))
    following.write("all.csv", b"t,a,b,who\n" + lines)
    told = readings(following.look())
    assert [reading["power_w"] for reading in told] == [100.0] * 4
    assert [reading["device"] for reading in told] == ["lamp 0", "lamp 1"] * 2
    assert told[0]["ts_ms"] == NOW_MS


def test_times_without_a_zone_are_those_of_the_home(tmp_path: Path) -> None:
    following = Following(tmp_path)
    following.write("tv.csv", b"time,power\n2026-01-01 01:00:00,1\n2026-01-01 01:00:01,2\n")
    assert [reading["ts_ms"] for reading in readings(following.look())] == [NOW_MS, NOW_MS + 1000]


@pytest.mark.parametrize("pattern", ["logs/*.csv", "logs/**/*.csv", "logs/fridge.csv"])
def test_a_pattern_and_a_name_mean_what_they_fit(tmp_path: Path, pattern: str) -> None:
    following = Following(tmp_path, pattern)
    following.write("fridge.csv", HEAD + rows(0, 2))
    following.write("tv.jsonl", JSON % 7)
    assert following.powers() == watts(0, 2)


def test_a_folder_that_is_not_there_is_told_once_and_looked_for_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kilowatch.files")
    following = Following(tmp_path, "drive")
    assert following.look() == following.look() == []
    assert caplog.text.count("is lost") == 1
    shutil.copytree(following.logs, tmp_path / "drive")
    (tmp_path / "drive" / "tv.jsonl").write_bytes(JSON % 7)
    assert following.powers() == [7]
    assert caplog.text.count("is back") == 1


def test_a_file_that_cannot_be_read_is_told_once_and_keeps_no_other_from_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    following = Following(tmp_path)
    following.write("blob.csv", bytes(range(256)) * 8 + b"\n", age_ms=61_000)
    following.write("cut.parquet", b"PAR1 and no more", age_ms=61_000)
    following.write("young.parquet", b"PAR1 and more to come", age_ms=59_000)
    following.write("wide.csv", (HEAD + rows(0, 30)).decode().encode("utf-16"), age_ms=61_000)
    following.write("zoo.csv", HEAD + rows(0, 2))
    assert following.powers() == watts(0, 2)
    assert following.look() == []
    told = [record.getMessage() for record in caplog.records]
    assert [[name in line for line in told].count(True) for name in ("blob", "cut", "young", "wide")] == [1, 1, 0, 1]


def test_a_file_that_may_not_be_opened_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kilowatch.files")
    following = Following(tmp_path)
    path = following.write("tv.jsonl", JSON % 7)
    following.write("zoo.jsonl", JSON % 8)
    opened = type(path).open

    def refusing(self: Path, *args: Any, **named: Any) -> Any:
        if self.name == "tv.jsonl":
            raise PermissionError(13, "Permission denied")
        return opened(self, *args, **named)

    # root may open everything, and tests are run by root too
    with monkeypatch.context() as patch:
        patch.setattr(type(path), "open", refusing)
        assert following.powers() == [8]
        assert following.look() == []
    assert following.powers() == [7]
    assert caplog.text.count("Permission denied") == 1
    assert "can be read again" in caplog.text


def test_a_parquet_file_is_read_when_it_is_whole_and_again_when_it_is_another(tmp_path: Path) -> None:
    following = Following(tmp_path)

    def table(first: int, count: int) -> bytes:
        sink = pa.BufferOutputStream()
        at = [NOW_MS // 1000 + number for number in range(first, first + count)]
        parquet.write_table(pa.table({"time": at, "power_w": watts(first, count)}), sink)
        return sink.getvalue().to_pybytes()

    whole = table(0, 20_000)
    path = following.write("tv.parquet", whole[:-100])
    assert following.look() == []
    path.write_bytes(whole)
    following.touch(path)
    following.most = 9000
    following.look()
    following.restart()
    following.most = 10**9
    # The first piece was safe, the second was not.
    assert following.powers() == watts(8192, 20_000 - 8192)
    path.write_bytes(table(0, 3))
    assert following.powers() == watts(0, 3)


def test_lost_or_torn_places_cost_a_second_reading(tmp_path: Path) -> None:
    following = Following(tmp_path)
    following.write("tv.jsonl", JSON % 7)
    assert following.powers() == [7]
    (tmp_path / "places" / "log.json").write_bytes(b"[{torn")
    following.restart()
    assert following.powers() == [7]


def test_a_full_disk_under_the_places_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    following = Following(tmp_path)
    (tmp_path / "places").write_bytes(b"a file where a folder belongs")
    following.write("tv.jsonl", JSON % 7)
    assert following.powers() == [7]
    assert "cannot be written down" in caplog.text
    following.write("tv.jsonl", JSON % 8)
    assert following.powers() == [8]


def test_a_line_without_end_takes_no_memory_without_end(tmp_path: Path) -> None:
    following = Following(tmp_path)
    following.write("tv.jsonl", JSON % 7 + b"x" * 3_000_000 + b"\n" + JSON % 8)
    outcome = following.refused()
    assert {why for why, _ in outcome} == {"not_json"}
    assert max(len(message.payload) for message in following.messages) <= 1 << 20
    assert [reading["power_w"] for reading in map(_json, following.messages) if reading] == [7, 8]


def _json(message: SourceMessage) -> dict[str, Any] | None:
    try:
        return json.loads(message.payload)
    except ValueError:
        return None


def test_it_ends_while_nobody_makes_room(tmp_path: Path) -> None:
    following, stopping, taken = Following(tmp_path), threading.Event(), list[bool]()
    following.write("tv.jsonl", JSON % 7 * 10)
    following.source.start(lambda _: taken.append(stopping.wait(0.1)))
    until(lambda: taken != [])
    following.source.stop()
    assert following.source._thread is not None
    assert not following.source._thread.is_alive()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_however_a_log_is_written_turned_and_followed_each_row_comes_once_and_in_order(data: st.DataObject) -> None:
    chance = random.Random(data.draw(st.integers(0, 2**16)))  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as folder:
        following = Following(Path(folder))
        whole, at, turned = HEAD + rows(0, 120), 0, 0
        for _ in range(data.draw(st.integers(1, 12))):
            step = chance.randrange(1, 400)
            following.write("fridge.csv", whole[at : at + step])
            at += step
            match data.draw(st.sampled_from(["look", "restart", "turn", "nothing"])):
                case "look":
                    following.look()
                case "restart":
                    following.look()
                    following.restart()
                case "turn" if at < len(whole) and following.look() and whole[:at].endswith(b"\n"):
                    turned += 1
                    (following.logs / "fridge.csv").rename(following.logs / f"fridge.csv.{turned}")
                    whole = whole[:at] + HEAD + whole[at:]
                case _:
                    pass
        following.write("fridge.csv", whole[at:])
        following.look()
        following.look()
        told = [reading["power_w"] for reading in readings(following.messages)]
        assert told == watts(0, 120)
