"""A process says whether it lives and is ready, and why not."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from dataclasses import dataclass

import msgspec
import pytest

from kilowatch.observability import Metrics
from kilowatch.observability.endpoint import exposed
from kilowatch.observability.health import CAUGHT_UP_MESSAGES, HUNG_S, STANDS_BY_S, Health, Told


@dataclass
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def asked(port: int, path: str) -> tuple[int, Told]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, msgspec.json.decode(answer.read(), type=Told)
    except urllib.error.HTTPError as error:
        return error.code, msgspec.json.decode(error.read(), type=Told)


def test_a_loop_that_hangs_does_not_live() -> None:
    clock = Clock()
    health, stop = Health(clock), threading.Event()
    pulse = health.pulse(stop)
    clock.now_s += HUNG_S + 1
    assert not health.live_now().ok
    assert not pulse.is_set()
    assert health.live_now().ok
    stop.set()
    assert pulse.is_set()
    assert pulse.wait(0)


def test_who_reads_is_ready_once_it_has_caught_up_and_stays_so() -> None:
    health = Health(Clock())
    health.begins("it joins the group")
    assert health.ready_now().why == "it joins the group"
    health.lag([CAUGHT_UP_MESSAGES, 1])
    assert not health.ready_now().ok
    health.lag([CAUGHT_UP_MESSAGES, 0])
    assert health.ready_now().ok
    health.lag([10 * CAUGHT_UP_MESSAGES])
    assert health.ready_now().ok, "an overload is no reason to stop"
    health.begins("it joins the group")
    health.lag([10 * CAUGHT_UP_MESSAGES])
    assert not health.ready_now().ok, "who begins anew has to catch up anew"


def test_one_member_too_many_stands_by() -> None:
    clock = Clock()
    health = Health(clock)
    health.lag([])
    assert not health.ready_now().ok
    clock.now_s += STANDS_BY_S
    health.lag([])
    assert health.ready_now().ok


def test_a_count_that_stands_still_is_told() -> None:
    clock, count = Clock(), [0]
    health = Health(clock)
    health.needs("what is sent to Kafka", lambda: count[0], 20.0)
    assert not health.ready_now().ok, "nothing was taken yet"
    count[0] = 1
    assert health.ready_now().ok
    clock.now_s += 19
    assert health.ready_now().ok
    clock.now_s += 1
    assert health.ready_now().why == "what is sent to Kafka is not taken"
    count[0] = 2
    assert health.ready_now().ok


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_without_anything_to_say_who_answers_is_well(path: str) -> None:
    with exposed(Metrics(), "127.0.0.1", 0) as port:
        status, told = asked(port, path)
    assert (status, told.ok) == (200, True)
    assert told.version


def test_the_endpoint_tells_the_two_apart() -> None:
    health = Health()
    with exposed(Metrics(), "127.0.0.1", 0, "secret", health) as port:
        assert asked(port, "/healthz")[0] == 200
        assert asked(port, "/readyz") == (503, health.ready_now())
        health.ready()
        assert asked(port, "/readyz")[0] == 200
