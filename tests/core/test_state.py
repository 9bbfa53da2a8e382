"""Frozen state: what is kept, what is left to the object, and that nothing is ever made that nobody declared."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest

from kilowatch.app.pipeline import Pipeline
from kilowatch.core.device import DeviceRecord, Fleet
from kilowatch.core.state import STATE_V, Frozen, freeze, thaw
from kilowatch.core.state_nodes import Container, Each, Plain, Record, Rows, Word
from kilowatch.detectors.registry import create
from kilowatch.errors import StateError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Ticket(msgspec.Struct):
    name: str
    price: float = 1.0


@dataclass(frozen=True, slots=True)
class Chunk:
    values: np.ndarray[Any, Any]
    colour: Colour


@dataclass(frozen=True, slots=True)
class Seat:
    inner: Inner
    weight: float = 1.0


class Inner:
    __module__ = "kilowatch.test"

    def __init__(self) -> None:
        self.values = np.zeros((0, 3), dtype=np.float32)


class Outer:
    """One of everything."""

    __module__ = "kilowatch.test"
    frozen_also: ClassVar = ("count",)
    frozen_not: ClassVar = ("callback",)
    frozen_types: ClassVar = (Ticket, Chunk, Colour)

    def __init__(self, limit: int = 3) -> None:
        self.limit, self.count = limit, 0
        self.callback: Any = object()
        self.inner = Inner()
        self.seats = (Seat(self.inner), Seat(Inner(), 2.0))
        self.others = [Inner(), self.inner]
        self.columns: dict[str, Any] = {"a": np.zeros(0, dtype=np.int64), "b": np.zeros(0, dtype=np.uint8)}
        self.alias = self.columns["a"]
        self.tickets: dict[int, Ticket] = {}
        self.chunks: defaultdict[int, list[Chunk]] = defaultdict(list)
        self.recent: defaultdict[tuple[str, str], deque[int]] = defaultdict(lambda: deque(maxlen=2))
        self.names: set[str] = set()
        self.mood: dict[str, tuple[Colour, tuple[str, ...]]] = {}
        self.ready = 0

    def thawed(self) -> None:
        self.ready += 1


Seat.__module__ = "kilowatch.test"


def used() -> Outer:
    outer = Outer()
    outer.count = 7
    outer.inner.values = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(4, 3))
    outer.seats[1].inner.values = np.full((1, 3), np.nan, dtype=np.float32)
    outer.columns["a"] = outer.alias = np.array([1, -5, 2**62])
    outer.tickets = {4: Ticket("x", float("inf")), -1: Ticket("y")}
    outer.chunks[2].append(Chunk(np.array([True, False]), Colour.BLUE))
    outer.recent["a", "b"].extend([1, 2, 3])
    outer.names = {"one", "two"}
    outer.mood = {"here": (Colour.RED, ("p", "q"))}
    return outer


def test_all_of_it_comes_back_in_place() -> None:
    fresh = Outer()
    inner, recent = fresh.inner, fresh.recent
    assert thaw(fresh, freeze(used())) == []
    assert fresh.count == 7
    assert fresh.inner is inner is fresh.seats[0].inner is fresh.others[1]
    assert fresh.inner.values.tolist() == used().inner.values.tolist()
    assert fresh.inner.values.flags.f_contiguous
    assert np.isnan(fresh.seats[1].inner.values).all()
    assert fresh.columns["a"].tolist() == [1, -5, 2**62]
    assert fresh.tickets == used().tickets
    assert fresh.chunks[2][0].values.tolist() == [True, False]
    assert fresh.chunks[2][0].colour is Colour.BLUE
    assert fresh.mood == used().mood
    assert fresh.names == {"one", "two"}
    assert fresh.recent is recent
    assert list(recent["a", "b"]) == [2, 3]
    assert recent["a", "b"].maxlen == recent["new", "one"].maxlen == 2
    assert fresh.ready == 1


def test_an_array_that_was_met_twice_is_one_array_again() -> None:
    fresh = Outer()
    thaw(fresh, freeze(used()))
    assert fresh.alias is fresh.columns["a"]


def test_a_state_shares_nothing_with_the_object_it_was_written_into() -> None:
    source = used()
    frozen, fresh = freeze(source), Outer()
    thaw(fresh, frozen)
    fresh.inner.values[:] = 0
    assert source.inner.values[3, 2] == 11


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_zeros_come_back_bit_for_bit_laid_out_as_they_were_and_writable(zero: float) -> None:
    source, fresh = used(), Outer()
    source.inner.values = np.full((4, 3), zero, dtype=np.float32, order="F")
    thaw(fresh, freeze(source))
    back = fresh.inner.values
    assert back.tobytes("F") == source.inner.values.tobytes("F")
    assert back.flags.f_contiguous
    back[0] = 1
    assert not source.inner.values.any()


def test_settings_stay_the_objects_own_and_are_named() -> None:
    fresh = Outer(limit=9)
    assert thaw(fresh, freeze(used())) == ["limit: 9, was 3"]
    assert fresh.limit == 9


@pytest.mark.parametrize("name", ["callback", "weights"])
def test_what_cannot_be_frozen_is_named(name: str) -> None:
    outer = Outer()
    setattr(outer, name, np.array(["words"]) if name == "weights" else None)
    if name == "callback":
        outer.inner.values = iter([])  # type: ignore[assignment]
    with pytest.raises(StateError, match=r"inner\.values is a|weights is an array of"):
        freeze(outer)


def test_a_record_that_nobody_declares_is_refused_when_it_is_frozen() -> None:
    outer = Outer()
    outer.tickets[3] = Colour  # type: ignore[assignment]
    with pytest.raises(StateError, match=r"tickets\[3\]"):
        freeze(outer)


def versioned(frozen: Frozen, version: int) -> Frozen:
    return Frozen(version, frozen.tree, frozen.arrays)


@pytest.mark.parametrize(("version", "hint"), [(STATE_V + 1, "or a newer one"), (STATE_V - 2, "that wrote it.")])
def test_a_newer_kilowatch_is_advised_for_newer_states_alone(version: int, hint: str) -> None:
    with pytest.raises(StateError) as refused:
        thaw(Outer(), versioned(freeze(used()), version))
    assert hint in str(refused.value.hint)


def test_a_newer_state_is_refused_untouched_and_the_one_before_is_read() -> None:
    fresh, frozen = Outer(), freeze(used())
    with pytest.raises(StateError, match=f"has format {STATE_V + 1}"):
        thaw(fresh, versioned(frozen, STATE_V + 1))
    assert fresh.count == 0
    del frozen.tree.parts["names"], frozen.tree.parts["inner"].parts["values"]  # type: ignore[union-attr]
    frozen.tree.parts["gone"] = Plain(1)
    thaw(fresh, versioned(frozen, STATE_V - 1))
    assert fresh.count == 7
    assert len(fresh.inner.values) == 0
    assert not hasattr(fresh, "gone")


def test_a_part_that_is_missing_or_unknown_is_another_make() -> None:
    frozen = freeze(used())
    frozen.tree.parts["names2"] = frozen.tree.parts.pop("names")
    with pytest.raises(StateError, match="another make"):
        thaw(Outer(), frozen)


HOSTILE: dict[str, tuple[str, Any]] = {
    "unknown type": ("tickets", Container(90, "list", Rows("Popen", b"\x90"))),  # type: ignore[arg-type]
    "undeclared enum": ("names", Each([Word("Severity", "warn")])),
    "word of another kind": ("mood", Word("Ticket", "red")),
    "no such word": ("mood", Word("Colour", "green")),
    "broken rows": ("tickets", Rows("Ticket", b"\xff\xff")),
    "record with other fields": ("chunks", Record("Chunk", {"values": Plain(1)})),
    "two values for one": ("count", Rows("Ticket", msgspec.msgpack.encode([Ticket("a"), Ticket("b")]))),
}


def test_a_pipeline_that_knows_more_devices_than_it_has_room_for_is_refused() -> None:
    for path in (("grid", "_known"), ("site_time", "_known")):
        pipeline = Pipeline(Fleet([DeviceRecord(site="home", device="plug")]), create("constant"))
        pipeline.reserve()
        frozen = freeze(pipeline)
        frozen.tree.parts[path[0]].parts[path[1]] = Plain(10**6)  # type: ignore[union-attr]
        with pytest.raises(StateError, match="do not fit its devices"):
            thaw(Pipeline(Fleet(), create("constant")), frozen)


@pytest.mark.parametrize("case", list(HOSTILE))
def test_a_hostile_tree_is_a_state_error(case: str) -> None:
    name, node = HOSTILE[case]
    frozen = freeze(used())
    box = frozen.tree.parts[name]
    if isinstance(box, Container):
        wanted = node.items if isinstance(node, Container) else node
        box.items = wanted if isinstance(wanted, Each | Rows) else Each([wanted])
        box.keys = None if box.keys is None else Plain(["k"])
    else:
        frozen.tree.parts[name] = node
    with pytest.raises(StateError):
        thaw(Outer(), frozen)
