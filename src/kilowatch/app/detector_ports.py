"""What a detector service is joined to, and how often it does what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from kilowatch.app.models.candidates import Candidates
    from kilowatch.app.models.delivery import Delivery
    from kilowatch.app.partition import Records
    from kilowatch.app.snapshots import Snapshots
    from kilowatch.app.subject import Subject
    from kilowatch.links.kafka.place import Place
    from kilowatch.links.kafka.reader import Hooks, PartitionBatch


class Input(Protocol):
    """The group's reader, as `links.kafka.reader` has it."""

    def poll(self, most: int, timeout_s: float) -> list[PartitionBatch]: ...  # noqa: D102
    def committed(self, places: Iterable[Place]) -> dict[Place, int]: ...  # noqa: D102
    def bounds(self, place: Place) -> tuple[int, int]: ...  # noqa: D102
    def seek(self, place: Place, offset: int) -> None: ...  # noqa: D102
    def pause(self, places: Iterable[Place]) -> None: ...  # noqa: D102
    def resume(self, places: Iterable[Place]) -> None: ...  # noqa: D102
    def lag(self) -> dict[Place, int]: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Output(Protocol):
    """The transactional writer of one partition, as `links.kafka.transactions` has it."""

    def open(self) -> None: ...  # noqa: D102
    def transaction(self) -> AbstractContextManager[None]: ...  # noqa: D102
    def send(self, topic: str, key: str, value: bytes, *, partition: int) -> None: ...  # noqa: D102
    def send_offsets(self, offsets: Mapping[Place, int], reader: Any) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Links:
    """What the service is joined to. subject: makes a fresh pipeline for a partition.

    models, shadows: None without networks; shadows lets candidates judge beside a partition's pipeline.
    """

    reader: Callable[[Hooks], Input]
    writer: Callable[[Place], Output]
    snapshots: Snapshots
    records: Records
    subject: Callable[[], Subject]
    models: Delivery | None = None
    shadows: Callable[[Subject], Candidates] | None = None


@dataclass(frozen=True, slots=True)
class Tempo:
    """How often what is done.

    poll_s: a poll waits so long for `most` messages, and up to poll_most_s where the work of a turn takes long: a turn
    costs much the same for few readings as for many, so that waiting is what saves work under load. commit_s: offsets
    are committed at least so often, events after events_s at the latest. snapshot_s: of each partition; partitions
    take turns. lag_s: how often the broker is asked how far behind we are. breath_s: the group hears of us at least so
    often while devices learn; far below `max.poll.interval.ms`. retries: tries of a commit that the broker aborts.
    shut_out_s: whom a fence has shut out of a partition takes it over anew where the group has said for so long that it
    is still its own; more than the group takes to notice who is gone, or two who both think so would fence each other.
    """

    most: int = 30_000
    poll_s: float = 0.05
    poll_most_s: float = 0.1
    commit_s: float = 1.0
    events_s: float = 0.02
    snapshot_s: float = 120.0
    lag_s: float = 5.0
    breath_s: float = 20.0
    retries: int = 5
    shut_out_s: float = 10.0

    def wait_s(self, worked_s: float) -> float:
        """Return how long to gather messages after a turn of so much work: twice as long, within the bounds."""
        return max(self.poll_s, min(2 * worked_s, self.poll_most_s))
