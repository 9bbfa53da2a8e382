"""A sender that gives a processor what is not safe yet, also one that begins anew, as the service does."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.live import DEADLINE_S, reading
from app.logs import ListSource
from kilowatch.app.begin_anew import again_and_again
from kilowatch.app.processor import Processor
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.settings import QUICK
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.kafka.writer import Writer
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.links.kafka.settings import Access


class Sender:
    """Holds readings by number until they are acknowledged; only the first fifth goes out before `goes_on` is set."""

    def __init__(self, readings: int) -> None:
        self.goes_on = threading.Event()
        self.rounds: list[tuple[list[int], ListSource]] = []
        self._readings = readings

    @property
    def safe(self) -> set[int]:
        return {unsafe[place] for unsafe, source in self.rounds for place in list(source.acknowledged)}

    def source(self) -> ListSource:
        """Return a source of all that is not safe."""
        unsafe = sorted(set(range(self._readings)) - self.safe)
        source = ListSource(self._held_back(unsafe))
        self.rounds.append((unsafe, source))
        return source

    def _held_back(self, numbers: list[int]) -> Iterator[bytes]:
        for number in numbers:
            # a quick machine would be through before anything can happen to it
            if number >= self._readings // 5:
                self.goes_on.wait()
            yield reading(number)


@contextmanager
def served(access: Access, sender: Sender) -> Iterator[None]:
    """Let a processor work as the service does: where Kafka refuses for good it begins anew."""
    stop, partitions = threading.Event(), Admin(access).count(Topic.DEVICES)

    def work() -> None:
        Processor([sender.source()], Writer(access, QUICK), partitions, wall_ms).run(stop, DEADLINE_S)

    thread = threading.Thread(target=again_and_again, args=("processor", work, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        sender.goes_on.set()
        thread.join(timeout=DEADLINE_S)
    assert not thread.is_alive(), "the processor did not stop"
