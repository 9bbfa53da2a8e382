"""The parts of `kilowatch bench pipeline` by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.errors import KilowatchError
from kilowatch.lab.bench.pipeline import every, loads, outbox, peers, processing, scale, takeover
from kilowatch.lab.bench.pipeline.goals import GoalRow, skipped
from kilowatch.lab.bench.pipeline.section import Section

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kilowatch.lab.bench.pipeline.loads import Bench


_MEASURE: dict[Section, Callable[[Bench], list[GoalRow]]] = {
    Section.SUSTAINED: loads.sustained,
    Section.LATENCY: loads.latency,
    Section.BURST: loads.burst,
    Section.MEMORY: loads.memory,
    Section.TAKEOVER: takeover.rows,
    Section.SCALE: scale.rows,
    Section.STORM: loads.storm,
    Section.EVERY: every.rows,
    Section.PROCESSOR: processing.rows,
    Section.OUTBOX: outbox.rows,
    Section.PEERS: peers.rows,
}


def rows(bench: Bench, only: Sequence[Section]) -> list[GoalRow]:
    """Measure the sections that are wanted, or all; one that fails is a row that says so."""
    found: list[GoalRow] = []
    for section in only or list(Section):
        bench.say(section.value)
        try:
            found += _MEASURE[section](bench)
        except KilowatchError as error:
            found.append(skipped(section.value, f"{error} {error.hint}"))
    return found
