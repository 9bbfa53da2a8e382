"""The push endpoint: a token, a size, and no 2xx before the reading is safe."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from kilowatch.config.secret import Secret
from kilowatch.config.sources import PushConfig
from kilowatch.errors import ComponentError, ConfigError
from kilowatch.links.push import PushSource
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.links.source import SourceMessage

TOKEN = "long-and-secret"  # noqa: S105
READING = b'{"v":1,"site":"home","device":"fridge","ts_ms":1767225600000,"power_w":92.5}'
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def config(**changes: object) -> PushConfig:
    return PushConfig(**{"enabled": True, "port": 0, "token": Secret(TOKEN), **changes})  # type: ignore[arg-type]


class Endpoint:
    def __init__(self, put: Callable[[SourceMessage], None], **changes: object) -> None:
        self.metrics = Metrics()
        self.source = PushSource(config(**changes), metrics=self.metrics, clock_ms=lambda: 123)
        self.source.start(put)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.source.port}", trust_env=False, timeout=10)

    def post(self, body: bytes = READING, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.client.post("/v1/readings", content=body, headers=HEADERS if headers is None else headers)

    def close(self) -> None:
        self.client.close()
        self.source.stop()


@pytest.fixture
def seen() -> list[SourceMessage]:
    return []


@pytest.fixture
def endpoint(seen: list[SourceMessage]) -> Iterator[Endpoint]:
    def put(message: SourceMessage) -> None:
        seen.append(message)
        message.ack()

    endpoint = Endpoint(put, most_bytes=1000)
    yield endpoint
    endpoint.close()


def test_a_reading_is_handed_over_as_it_came_and_answered_204(endpoint: Endpoint, seen: list[SourceMessage]) -> None:
    assert endpoint.post().status_code == 204
    (message,) = seen
    assert (message.source, message.payload, message.reason, message.received_ms) == ("push", READING, None, 123)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"])
def test_without_the_token_nobody_gets_in(endpoint: Endpoint, seen: list[SourceMessage], header: str | None) -> None:
    answer = endpoint.post(headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert seen == []


def test_the_path_is_not_told_to_strangers(endpoint: Endpoint) -> None:
    assert endpoint.client.get("/elsewhere").status_code == 401
    assert endpoint.client.get("/elsewhere", headers=HEADERS).status_code == 404
    assert endpoint.client.get("/v1/readings", headers=HEADERS).status_code == 405


@pytest.mark.parametrize(("size", "status"), [(0, 400), (1000, 204), (1001, 413), (500_000, 413)])
def test_a_body_is_bounded(endpoint: Endpoint, size: int, status: int) -> None:
    assert endpoint.post(b" " * size).status_code == status


def test_garbage_is_taken_and_judged_behind(endpoint: Endpoint, seen: list[SourceMessage]) -> None:
    assert endpoint.post(b"\xff\x00").status_code == 204
    assert seen[0].payload == b"\xff\x00"


def test_no_answer_before_the_reading_is_safe() -> None:
    arrived, messages = threading.Event(), list["SourceMessage"]()

    def put(message: SourceMessage) -> None:
        messages.append(message)
        arrived.set()

    endpoint = Endpoint(put)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(endpoint.post)
        assert arrived.wait(5)
        assert not answer.done()
        messages[0].ack()
        assert answer.result(5).status_code == 204
    endpoint.close()


def test_beyond_what_may_wait_senders_are_told_to_come_again() -> None:
    messages, arrived = list["SourceMessage"](), threading.Semaphore(0)

    def put(message: SourceMessage) -> None:
        messages.append(message)
        arrived.release()

    endpoint = Endpoint(put, most_waiting=2)
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(endpoint.post) for _ in range(2)]
        assert all(arrived.acquire(timeout=5) for _ in waiting)
        refused = endpoint.post()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        for message in messages:
            message.ack()
        assert [answer.result(5).status_code for answer in waiting] == [204, 204]
    assert endpoint.metrics.registry.get_sample_value(
        "kilowatch_push_requests_total", {"source": "push", "status": "503"}
    )
    endpoint.close()


def test_it_listens_on_loopback_unless_told() -> None:
    assert config().bind == "127.0.0.1"


def test_without_a_token_it_does_not_start() -> None:
    with pytest.raises(ConfigError, match="token"):
        PushSource(PushConfig(enabled=True))


def test_a_port_that_is_taken_is_an_error_with_a_hint() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        source = PushSource(config(port=taken.getsockname()[1]))
        with pytest.raises(ComponentError) as caught:
            source.start(lambda _: None)
        assert "port" in caught.value.hint
