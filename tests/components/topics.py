"""Empty topics for a test on a broker that others use too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.client import kafka
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from kilowatch.links.kafka.settings import Access

_DEADLINE_S = 30.0


def make_topics_anew(access: Access, partitions: int) -> None:
    """Delete the topics of kilowatch where they are, and create them."""
    admin = Admin(access)
    there = [str(topic) for topic in Topic if topic in admin.partitions()]
    if there:
        client = kafka().admin.AdminClient({"bootstrap.servers": access.bootstrap, "log_level": 2})
        for future in client.delete_topics(there, operation_timeout=_DEADLINE_S).values():
            future.result()
        _await_gone(admin, there)
    admin.create(partitions)


def _await_gone(admin: Admin, names: list[str]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while set(names) & set(admin.partitions()):
        assert time.monotonic() < deadline, "topics were not deleted"
        time.sleep(0.1)
