"""What waits on the edge's disk while Kafka or the broker is away."""

from kilowatch.links.outbox.outbox import DiskOutbox, Kept, OutboxLimits, OutboxState
from kilowatch.links.outbox.waiting import WaitingIncidents, WaitingReadings

__all__ = ["DiskOutbox", "Kept", "OutboxLimits", "OutboxState", "WaitingIncidents", "WaitingReadings"]
