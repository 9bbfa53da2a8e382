"""Messages and consumed offsets that are there together or not at all.

One writer for each assigned input partition, its identity made of group and partition. A new owner calls `open`
before it asks for the committed offset: that ends a dead owner's transaction at once and fences an owner that only
seemed dead, whose next call then raises `FencedError`.
"""

from __future__ import annotations

import time
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kilowatch.errors import KilowatchError
from kilowatch.links.kafka.bounded import Bounded
from kilowatch.links.kafka.client import FencedError, kafka, kafka_errors, translated
from kilowatch.links.kafka.outage import Outage
from kilowatch.links.kafka.place import handles
from kilowatch.links.kafka.settings import transacting
from kilowatch.links.kafka.writer import ANY_PARTITION, is_taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kilowatch.links.kafka.offsets import GroupOffsets
    from kilowatch.links.kafka.place import Place
    from kilowatch.links.kafka.reader import Reader
    from kilowatch.links.kafka.settings import Access, Pace

_TIMEOUT_S = 30.0
_STEP_S = 2.0
_HANGS_S = 10.0
"""A call of `_STEP_S` that takes so long will never return."""


class TransactionalWriter:
    """A transactional producer for what comes of one input partition. Not for several threads."""

    def __init__(self, access: Access, group: str, place: Place, pace: Pace | None = None) -> None:
        self.identity = f"{group}-{place.topic}-{place.partition}"
        with kafka_errors("connecting"):
            self._producer = kafka().Producer(
                transacting(access, self.identity, pace) | Outage(self.identity).options()
            )
        self._bounded = Bounded(self.identity, _HANGS_S)

    def open(self) -> None:
        """End what an earlier owner left open and fence it; `ComponentError` where the broker does not answer."""
        self._step("opening transactions", self._producer.init_transactions)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block sends, or abort it where the block or the commit fails; the error is raised on.

        After an `AbortableError` the same can be done again; after any other error only `close` is left.
        """
        self.begin()
        try:
            yield
            self.commit()
        # No abort: the transaction was ended by the successor, and a fenced producer may end none.
        except FencedError:
            raise
        except BaseException:
            with suppress(KilowatchError):
                self.abort()
            raise

    def begin(self) -> None:
        """Begin a transaction."""
        with kafka_errors("beginning a transaction"):
            self._producer.begin_transaction()

    def send(self, topic: str, key: str | bytes | None, value: bytes | None, *, partition: int = ANY_PARTITION) -> None:
        """Put a message into the transaction; that it failed is told by `commit`."""
        # No deadline of its own: `message.timeout.ms` empties the queue where no broker takes it, and commit tells.
        while not is_taken(self._producer, topic, key, value, partition, None):
            self._producer.poll(_STEP_S)

    def send_offsets(self, offsets: Mapping[Place, int], reader: Reader | GroupOffsets) -> None:
        """Put into the transaction where the reader's group goes on."""
        member, partitions = reader.membership, handles(offsets)
        self._step(
            "sending offsets", lambda wait_s: self._producer.send_offsets_to_transaction(partitions, member, wait_s)
        )

    def commit(self) -> None:
        """Write out what was sent and make it visible; `AbortableError` where it must be aborted and done again."""
        self._step("committing a transaction", self._producer.commit_transaction)

    def abort(self) -> None:
        """Make nothing of the transaction visible."""
        self._step("aborting a transaction", self._producer.abort_transaction)

    def close(self) -> None:
        """Drop what is open and end the connection; one that hangs is left alone until a successor fences it."""
        self._bounded.close()
        if self._bounded.hangs:
            return
        self._producer.purge()
        # a fenced producer cannot abort any more, and the library says so in two ways
        with warnings.catch_warnings(), suppress(kafka().KafkaException):
            warnings.simplefilter("ignore", RuntimeWarning)
            self._producer.close()

    def _step(self, doing: str, call: Callable[[float], Any]) -> None:
        """Call what the library says may be called again until it is done."""
        library = kafka()
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                # What timed out goes on inside the library: calling again waits for the same, and begins nothing.
                self._bounded.call(doing, lambda: call(_STEP_S))
            except library.KafkaException as error:
                found = error.args[0]
                if not found.retriable() or time.monotonic() > deadline:
                    raise translated(found, doing) from error
            else:
                return
