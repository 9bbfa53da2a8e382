"""A detector that Kafka shuts out of a partition tells nothing more of it, and judges it again where it is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.lives import Life, assert_told_once, stories, told_straight
from app.memory_kafka import MemoryBroker, place

if TYPE_CHECKING:
    from kilowatch.app.detector import Detector


def test_who_is_replaced_without_knowing_tells_nothing_more() -> None:
    broker = MemoryBroker(stories())
    life = Life(broker)
    asleep = life.process()
    for _ in range(6):
        asleep.turn()
    (sleeper,) = broker.readers
    broker.readers.clear()
    life.live()
    told = list(broker.told)
    sleeper.wanted = list(sleeper._at)
    while asleep.places:
        asleep.turn()
    # A heartbeat has told the sleeper by now that the group has given it up.
    sleeper.wanted = []
    for _ in range(40):
        asleep.turn()
    assert broker.told == told
    assert asleep.places == []
    assert_told_once(broker, told_straight())


def fenced() -> tuple[Life, Detector]:
    """Return a detector at work whose hand on the second partition the broker by itself has just taken away."""
    life = Life(MemoryBroker(stories()))
    alone = life.process()
    for _ in range(6):
        alone.turn()
    life.broker.epochs[place(1)] += 1
    return life, alone


def test_whom_the_broker_alone_has_fenced_takes_its_partition_over_anew() -> None:
    life, alone = fenced()
    shut_out_at = next(life.time)
    while place(1) in alone.places:
        alone.turn()
    while place(1) not in alone.places:
        alone.turn()
    assert (next(life.time) - shut_out_at) / 10 >= life.tempo.shut_out_s, "another may have it"
    for _ in range(400):
        alone.turn()
    assert life.is_done
    assert_told_once(life.broker, told_straight())


def test_what_a_fence_shut_us_out_of_stays_with_whom_the_group_gives_it() -> None:
    life, first = fenced()
    while place(1) in first.places:
        first.turn()
    second = life.process()
    for _ in range(400):
        first.turn()
        second.turn()
    assert (first.places, second.places) == ([place(0)], [place(1)])
    assert life.is_done
    assert_told_once(life.broker, told_straight())
