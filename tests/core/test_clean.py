"""Cleaning as a whole: what comes out, that all reasons occur, and that the cut into batches means nothing."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clean_stories import CHAPTERS, INTERVAL, OPTIONAL, batch_from, one_device, steady, told
from core.fleets import START_MS, batch_of, fleet_of
from kilowatch.core.clean import CleanBatch, Cleaner, Outcome, Reason
from kilowatch.core.device import DeviceRecord
from kilowatch.core.state import freeze, thaw

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from numpy.typing import NDArray

    from core.clean_stories import Story
    from kilowatch.core.reading import ReadingBatch

DEVICES = 3


def cleaner() -> Cleaner:
    return Cleaner(fleet_of(*[INTERVAL] * DEVICES))


def interleaved(streams: list[list[dict[str, Any]]], chance: random.Random) -> list[dict[str, Any]]:
    turns = [slot for slot, rows in enumerate(streams) for _ in rows]
    chance.shuffle(turns)
    waiting = [iter(rows) for rows in streams]
    return [next(waiting[slot]) for slot in turns]


def columns_of(parts: list[CleanBatch]) -> dict[str, NDArray[Any]]:
    """Everything cleaning says of a stream, by device and then in the order of arrival."""
    kept = np.argsort(np.concatenate([part.readings.slot for part in parts]), kind="stable")
    lost = np.argsort(np.concatenate([part.rejected.slot for part in parts]), kind="stable")
    of_kept: dict[str, Callable[[CleanBatch], NDArray[Any]]] = {
        "slot": lambda part: part.readings.slot,
        "ts_ms": lambda part: part.readings.ts_ms,
        "power_w": lambda part: part.readings.power_w,
        "reason": lambda part: part.reason,
        "historical": lambda part: part.historical,
        "energy_step_wh": lambda part: part.energy_step_wh,
    }
    of_lost: dict[str, Callable[[CleanBatch], NDArray[Any]]] = {
        "rejected_ms": lambda part: part.rejected.ts_ms,
        "rejected_w": lambda part: part.rejected.power_w,
        "rejected_reason": lambda part: part.rejected_reason,
    }
    columns = {name: np.concatenate([get(part) for part in parts])[kept] for name, get in of_kept.items()}
    return columns | {name: np.concatenate([get(part) for part in parts])[lost] for name, get in of_lost.items()}


def assert_same(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


lives = st.lists(st.lists(st.sampled_from(CHAPTERS), max_size=5), min_size=1, max_size=DEVICES)


@settings(deadline=None, max_examples=40)
@given(lives, st.randoms(use_true_random=False), st.sets(st.sampled_from(OPTIONAL)), st.lists(st.integers(1, 400)))
def test_the_cut_into_batches_means_nothing(
    chapters: list[list[Callable[[Story], None]]], chance: random.Random, without: set[str], cuts: list[int]
) -> None:
    batch = batch_from(interleaved([told(slot, life) for slot, life in enumerate(chapters)], chance), without)
    whole, pieces, singles = cleaner(), cleaner(), cleaner()
    at_once = columns_of([whole.clean(batch)])
    borders = [0, *sorted(cut for cut in cuts if cut < len(batch)), len(batch)]
    in_pieces = [pieces.clean(batch.take(slice(*pair))) for pair in itertools.pairwise(borders)]
    one_by_one = [singles.clean(batch.take(slice(row, row + 1))) for row in range(len(batch))]
    assert_same(at_once, columns_of(in_pieces))
    assert_same(at_once, columns_of(one_by_one) if one_by_one else at_once)
    assert_same(whole.state(), pieces.state())
    if len(batch):
        assert_same(whole.state(), singles.state())
    assert whole.counts.tolist() == pieces.counts.tolist() == singles.counts.tolist()


def test_a_life_through_all_chapters_meets_every_reason() -> None:
    life = cleaner()
    rows = told(0, CHAPTERS)
    life.clean(batch_from(rows))
    assert [reason for reason in Reason if life.counts[reason] == 0] == []
    assert life.counts.sum() == len(rows)


def test_readings_come_out_by_device_and_every_one_is_counted_once() -> None:
    clean = cleaner().clean(
        batch_of([(2, START_MS, 5.0), (0, START_MS, np.nan), (2, START_MS + 1000, 6.0), (0, START_MS + 1000, -0.2)])
    )
    assert clean.readings.slot.tolist() == [0, 2, 2]
    assert clean.segments.slot.tolist() == [0, 2]
    assert clean.readings.power_w.tolist() == [0.0, 5.0, 6.0]
    assert clean.outcome.tolist() == [Outcome.REPAIRED, Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert clean.rejected_reason.tolist() == [Reason.NOT_A_NUMBER]
    assert np.isnan(clean.rejected.power_w).all()
    assert clean.outcomes() == {Outcome.ACCEPTED: 2, Outcome.REPAIRED: 1, Outcome.REJECTED: 1}
    assert len(clean) == 3


def test_counts_add_up_over_batches() -> None:
    both = cleaner()
    first = both.clean(one_device((0, 5.0), (0, 5.0)))
    second = both.clean(one_device((0, 5.0), (30, 5.0)))
    assert first.counts[Reason.DUPLICATE] == 1
    assert both.counts.tolist() == (first.counts + second.counts).tolist()


def test_an_empty_batch_gives_an_empty_one() -> None:
    idle = cleaner()
    clean = idle.clean(batch_from([]))
    assert len(clean) == len(clean.rejected) == idle.counts.sum() == 0


def test_the_batch_handed_in_is_left_as_it_was() -> None:
    batch = batch_from(told(0, CHAPTERS))
    before = batch.take(np.arange(len(batch)))
    cleaner().clean(batch)
    for name in ("ts_ms", "power_w", "energy_wh", "received_ms"):
        np.testing.assert_array_equal(getattr(batch, name), getattr(before, name))


def test_devices_may_join_while_the_stream_runs() -> None:
    fleet = fleet_of(INTERVAL)
    growing = Cleaner(fleet)
    growing.clean(one_device((0, 5.0)))
    for number in range(40):
        fleet.add(DeviceRecord(site="home", device=f"new{number}"))
    clean = growing.clean(batch_of([(40, START_MS, 7.0), (0, START_MS, 5.0)]))
    assert clean.readings.slot.tolist() == [40]
    assert clean.rejected_reason.tolist() == [Reason.DUPLICATE]


def halves(batch: ReadingBatch) -> tuple[ReadingBatch, ReadingBatch]:
    return batch.take(slice(0, len(batch) // 2)), batch.take(slice(len(batch) // 2, None))


@pytest.mark.parametrize("without", [(), OPTIONAL])
def test_a_snapshot_goes_on_as_if_nothing_had_happened(without: tuple[str, ...]) -> None:
    first, second = halves(batch_from(told(0, CHAPTERS * 2), without))
    through, stopped, resumed = cleaner(), cleaner(), cleaner()
    for each in (through, stopped):
        each.clean(first)
    thaw(resumed, freeze(stopped))
    stopped.clean(second)  # must not reach into what was restored
    assert_same(columns_of([through.clean(second)]), columns_of([resumed.clean(second)]))


def bytes_a_device(without: tuple[str, ...]) -> float:
    cleaned = cleaner()
    cleaned.clean(batch_from(told(0, [steady]), without))
    return sum(column.nbytes for column in cleaned.state().values()) / DEVICES


def test_a_device_costs_few_bytes_and_nothing_for_columns_nobody_sends() -> None:
    assert bytes_a_device(OPTIONAL) == 29
    assert bytes_a_device(("seq",)) == 64
    assert bytes_a_device(()) == 72
