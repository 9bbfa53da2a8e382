"""Injecting: a clean trace and what is asked for in, the changed trace, its mask and what was drawn out.

Split by device and by time *before* injecting: the clean twin of a test window must never be in training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ConfigError, ReadingError
from kilowatch.lab.inject.injector import Draft
from kilowatch.lab.inject.registry import INJECTIONS
from kilowatch.lab.inject.spec import Visibility
from kilowatch.lab.measure.times import EventTimes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.lab.inject.injector import Change, Injector
    from kilowatch.lab.inject.spec import InjectionSpec
    from kilowatch.lab.inject.trace import Trace

_VISIBLE = Visibility()


@dataclass(frozen=True, slots=True)
class Injected:
    """A trace with injections: mask bool[n] of the changed readings, the specs that show, and those that do not.

    specs: resolved, sorted by start. invisible: left out of the trace, because no meter could show them (a plug that
    is off cannot be bypassed); they are counted, never dropped in silence.
    """

    trace: Trace
    mask: NDArray[np.bool_]
    specs: tuple[InjectionSpec, ...]
    invisible: tuple[InjectionSpec, ...]

    @property
    def events(self) -> EventTimes:
        """One event for each spec: from the first change that shows to the end of the last change."""
        return event_times(self.specs)


def event_times(specs: Sequence[InjectionSpec]) -> EventTimes:
    """Return the events of resolved specs that show, sorted by start."""
    start = np.array([spec.seen_ms for spec in specs], dtype=np.int64)
    return EventTimes(start, np.array([spec.gone_ms for spec in specs], dtype=np.int64))


def inject(
    trace: Trace, spec: InjectionSpec, seed: int, visibility: Visibility = _VISIBLE
) -> tuple[Trace, NDArray[np.bool_], InjectionSpec]:
    """Return the changed trace, the mask bool[n] of what changed, and the spec with everything that was drawn.

    Readings outside the mask stay as they were, and a missing reading stays missing. The mask is empty and `seen_ms`
    None where nothing changes. The same seed gives the same result, and so does the resolved spec with its own seed.
    Raises `ReadingError` where the span or the kind does not fit the trace, `ConfigError` on impossible numbers.
    """
    rows, changed, mask, resolved = _change(trace, spec, seed, visibility)
    ts_ms, power_w, whole = trace.ts_ms.copy(), trace.power_w.copy(), np.zeros(len(trace), dtype=np.bool_)
    _write(rows, changed, mask, ts_ms, power_w, whole)
    return replace(trace, ts_ms=ts_ms, power_w=power_w), whole, resolved


def inject_many(trace: Trace, specs: Sequence[InjectionSpec], seed: int, visibility: Visibility = _VISIBLE) -> Injected:
    """Return the trace with all injections that show, each computed from the clean trace with a seed of its own.

    Raises `ReadingError` where two of them overlap, besides what `inject` raises.
    """
    ordered = sorted(specs, key=lambda spec: (spec.start_ms, spec.end_ms))
    _refuse_overlap(ordered)
    # A seed for each: what one injection draws does not depend on how much the ones before it drew.
    seeds = np.random.SeedSequence(seed).generate_state(len(ordered)).tolist()
    ts_ms, power_w, mask = trace.ts_ms.copy(), trace.power_w.copy(), np.zeros(len(trace), dtype=np.bool_)
    seen, unseen = [], []
    for spec, own_seed in zip(ordered, seeds, strict=True):
        rows, changed, touched, resolved = _change(trace, spec, own_seed, visibility)
        if resolved.seen_ms is None:
            unseen.append(resolved)
            continue
        _write(rows, changed, touched, ts_ms, power_w, mask)
        seen.append(resolved)
    return Injected(replace(trace, ts_ms=ts_ms, power_w=power_w), mask, tuple(seen), tuple(unseen))


def _change(
    trace: Trace, spec: InjectionSpec, seed: int, visibility: Visibility
) -> tuple[slice, Change, NDArray[np.bool_], InjectionSpec]:
    rows = trace.rows(spec.start_ms, spec.end_ms)
    draft = _draft(trace, rows, spec, np.random.default_rng(seed))
    change = INJECTIONS[spec.kind].apply(draft)
    # Where stamps change, watts may change places with their gaps (`clock_order`); else a gap stays where it is.
    if change.ts_ms is None:
        change = replace(change, power_w=np.where(np.isnan(draft.clean), np.nan, change.power_w))
    mask = _changed_rows(draft, change)
    resolved = replace(spec, strength=draft.strength, params=draft.params, drawn=change.drawn, seed=seed)
    return rows, change, mask, _with_times(resolved, draft, change, mask, visibility)


def _draft(trace: Trace, rows: slice, spec: InjectionSpec, rng: np.random.Generator) -> Draft:
    kind = INJECTIONS[spec.kind]
    unknown = sorted(set(spec.params) - set(kind.params))
    if unknown:
        raise ConfigError(f"{spec.kind} has no {', '.join(unknown)}.", f"It has: {', '.join(kind.params) or 'none'}.")
    # Drawn in any case, so that a resolved spec meets the same random numbers again.
    usual = float(rng.uniform(*kind.usual))
    strength = usual if spec.strength is None else spec.strength
    params = {**kind.params, **spec.params}
    _refuse_numbers(kind, strength, params)
    return Draft(trace, rows, strength, params, rng)


def _refuse_numbers(kind: Injector, strength: float, params: dict[str, float]) -> None:
    if not np.isfinite([strength, *params.values()]).all():
        raise ConfigError(
            f"The numbers of {kind.kind} must be finite.", f"Its strength is: {kind.strength or 'not used'}."
        )


def _changed_rows(draft: Draft, change: Change) -> NDArray[np.bool_]:
    """Return the rows of the anomaly, from the first to the last that differs from the true series."""
    same = (change.power_w == draft.clean) | (np.isnan(change.power_w) & np.isnan(draft.clean))
    differs = ~same | _moved(draft, change)
    mask = np.zeros(draft.size, dtype=np.bool_)
    where = np.flatnonzero(differs)
    if len(where):
        # Readings in between that happen to equal the true ones belong to the anomaly too.
        span = slice(where[0], where[-1] + 1)
        mask[span] = True if change.touched is None else change.touched[span]
    return mask


def _moved(draft: Draft, change: Change) -> NDArray[np.bool_]:
    if change.ts_ms is None:
        return np.zeros(draft.size, dtype=np.bool_)
    return change.ts_ms != draft.trace.ts_ms[draft.rows]


def _with_times(
    spec: InjectionSpec, draft: Draft, change: Change, mask: NDArray[np.bool_], visibility: Visibility
) -> InjectionSpec:
    """Add when the change begins to show and when it is gone; times are the true ones where stamps change."""
    shows = np.flatnonzero(mask & (visibility.seen(draft.clean, change.power_w) | _moved(draft, change)))
    if len(shows) == 0:
        return replace(spec, seen_ms=None, gone_ms=None)
    true_ms = draft.trace.ts_ms[draft.rows]
    gone_ms = int(true_ms[np.flatnonzero(mask)[-1]]) + draft.trace.interval_ms
    return replace(spec, seen_ms=int(true_ms[shows[0]]), gone_ms=min(gone_ms, spec.end_ms))


def _write(
    rows: slice,
    change: Change,
    touched: NDArray[np.bool_],
    ts_ms: NDArray[np.int64],
    power_w: NDArray[np.float64],
    mask: NDArray[np.bool_],
) -> None:
    # `rows` is a slice, so what is written into its view reaches the whole array.
    power_w[rows][touched] = change.power_w[touched]
    if change.ts_ms is not None:
        ts_ms[rows][touched] = change.ts_ms[touched]
    mask[rows] |= touched


def _refuse_overlap(ordered: Sequence[InjectionSpec]) -> None:
    for earlier, later in pairwise(ordered):
        if later.start_ms < earlier.end_ms:
            raise ReadingError(
                f"{later.kind} from {later.start_ms} overlaps {earlier.kind}, which ends at {earlier.end_ms}.",
                "One reading carries one label: move one of them, or let `place` find places.",
            )
