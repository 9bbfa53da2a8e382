"""A call that never returns costs a while, not for ever."""

from __future__ import annotations

import threading
import time

import pytest

from kilowatch.errors import ComponentError
from kilowatch.links.kafka.bounded import Bounded


def test_what_a_call_returns_or_raises_comes_back_and_the_next_is_made() -> None:
    bounded = Bounded("x", 30.0)

    def broken() -> None:
        raise KeyError("no")

    with pytest.raises(KeyError, match="no"):
        bounded.call("breaking", broken)
    threads = {bounded.call("asking", threading.current_thread) for _ in range(3)}
    (thread,) = threads
    assert thread is not threading.current_thread()
    bounded.close()
    thread.join(5.0)
    assert not thread.is_alive()


def test_a_call_that_hangs_is_left_alone_and_none_is_made_after_it() -> None:
    bounded, ends, later = Bounded("x", 0.1), threading.Event(), []
    with pytest.raises(ComponentError, match=r"Kafka: waiting has not ended after 0\.1 s"):
        bounded.call("waiting", ends.wait)
    assert bounded.hangs
    began = time.monotonic()
    with pytest.raises(ComponentError, match="aborting"):
        bounded.call("aborting", lambda: later.append(1))
    assert time.monotonic() - began < 0.1
    ends.set()
    bounded.close()
    assert later == []
