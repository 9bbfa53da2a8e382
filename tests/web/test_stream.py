"""Server-sent events from a real server: readings and incidents as they come, and a way back after a break."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from app.homes import START_MS, home
from kilowatch.web.access import Role
from kilowatch.web.api import stream
from web.rooms import HOUR_MS, ODD, Rooms, caller, rooms_in, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rooms]:
    rooms = rooms_in(tmp_path_factory.mktemp("house"))
    yield rooms
    rooms.close()


@pytest.fixture(scope="module")
def address(rooms: Rooms) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "EVERY_S", 0.05)
        with serving(rooms) as address:
            yield address


class Listener:
    """Reads a stream event by event."""

    def __init__(self, answer: httpx.Response) -> None:
        self.headers, self._lines = answer.headers, answer.iter_lines()

    def next(self) -> tuple[str, str, Any]:
        """Return the next event: its name, empty for a sign of life, its id, and its data."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                break
            name, _, value = line.partition(": ")
            fields[name] = value
        data = fields.get("data")
        return fields.get("event", ""), fields["id"], None if data is None else json.loads(data)


def moved(rooms: Rooms, half_hours: int) -> None:
    """Let half an hour of readings come, after the half day that has passed."""
    whole, begin_ms = home(1.0), START_MS + 12 * HOUR_MS + half_hours * HOUR_MS // 2
    rooms.step(whole.take((whole.ts_ms >= begin_ms) & (whole.ts_ms < begin_ms + HOUR_MS // 2)))


def test_readings_and_incidents_come_as_they_happen(rooms: Rooms, address: str) -> None:
    with caller(address, Role.VIEWER) as client, client.stream("GET", "/api/v1/stream") as answer:
        listener = Listener(answer)
        assert listener.headers["content-type"].startswith("text/event-stream")
        assert listener.next()[0] == ""
        moved(rooms, 0)
        name, _, data = listener.next()
        assert name == "readings"
        assert {one["device"] for one in data} >= {"meter", "heater"}
        assert data[0]["power_ms"] >= START_MS + 12 * HOUR_MS
        rooms.live.happened([ODD])
        name, last, data = listener.next()
        assert (name, data["id"]) == ("incident", ODD.id)
    moved(rooms, 1)
    headers = {"Last-Event-ID": last}
    with caller(address, Role.VIEWER) as client, client.stream("GET", "/api/v1/stream", headers=headers) as answer:
        assert Listener(answer).next()[0] == "readings"


def test_one_device_alone_can_be_listened_to(rooms: Rooms, address: str) -> None:
    asked = {"site": "home", "device": "meter"}
    with caller(address, Role.VIEWER) as client, client.stream("GET", "/api/v1/stream", params=asked) as answer:
        listener = Listener(answer)
        listener.next()
        moved(rooms, 2)
        rooms.live.happened([ODD, msgspec.structs.replace(ODD, device="meter")])
        assert [one["device"] for one in listener.next()[2]] == ["meter"]
        assert listener.next()[2]["device"] == "meter"


def test_a_connection_that_is_cut_between_two_incidents_loses_neither(rooms: Rooms, address: str) -> None:
    another = msgspec.structs.replace(ODD, id="odd-too")
    with caller(address, Role.VIEWER) as client, client.stream("GET", "/api/v1/stream") as answer:
        listener = Listener(answer)
        listener.next()
        rooms.live.happened([ODD, another])
        _, last, data = listener.next()
        assert data["id"] == ODD.id
    headers = {"Last-Event-ID": last}
    with caller(address, Role.VIEWER) as client, client.stream("GET", "/api/v1/stream", headers=headers) as answer:
        listener = Listener(answer)
        assert [listener.next()[2]["id"] for _ in range(2)] == [ODD.id, another.id]


@pytest.mark.parametrize(
    "last", ["00000000-5", "x", f"{stream._BOOT}-99999999"], ids=["of another process", "no place", "not reached yet"]
)
def test_a_place_that_means_nothing_here_starts_anew(address: str, last: str) -> None:
    headers = {"Last-Event-ID": last}
    with caller(address, Role.VIEWER) as client, client.stream("GET", "/api/v1/stream", headers=headers) as answer:
        assert Listener(answer).next()[0] == "reset"


def test_so_many_streams_and_no_more(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_MOST_STREAMS", 0)
    with caller(address, Role.VIEWER) as client:
        answer = client.get("/api/v1/stream")
    assert answer.status_code == 429
    assert "retry-after" in answer.headers


def test_a_server_that_stops_ends_its_streams(tmp_path_factory: pytest.TempPathFactory) -> None:
    rooms = rooms_in(tmp_path_factory.mktemp("other"))
    url = "/api/v1/stream"
    with serving(rooms) as address, caller(address, Role.VIEWER) as client, client.stream("GET", url) as answer:
        listener = Listener(answer)
        listener.next()
        rooms.here.stop.set()
        assert list(listener._lines) == []
    rooms.close()
    assert stream.Open.count == 0
