"""The one place that loads the Kafka library, and turns its errors into ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kilowatch.errors import ComponentError, KilowatchError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator


class FencedError(ComponentError):
    """Another process has taken over what this one was writing: it must stop at once and keep nothing it did since."""


class AbortableError(ComponentError):
    """A transaction failed and must be aborted; it can be tried again from its beginning."""


def kafka() -> Any:
    """Return the library; `MissingExtraError` where it is not installed."""
    try:
        import confluent_kafka
        import confluent_kafka.admin
    except ImportError as error:
        raise MissingExtraError("confluent-kafka", "kafka") from error
    return confluent_kafka


@contextmanager
def kafka_errors(doing: str) -> Iterator[None]:
    """Turn what the library raises inside the block into ours: what was being done, what Kafka said, what to do."""
    library = kafka()
    try:
        yield
    except library.KafkaException as error:
        raise translated(error.args[0], doing) from error


def translated(error: Any, doing: str) -> KilowatchError:
    """Return the error of ours that a `KafkaError` stands for."""
    said = f"Kafka: {doing} failed: {error.str()} ({error.name()})."
    if error.name() in _FENCED:
        return FencedError(said, "Another process has taken this partition over; this one stops writing to it.")
    if error.txn_requires_abort():
        return AbortableError(said, "The transaction is aborted and tried again.")
    return ComponentError(said, _HINTS.get(error.name(), "See that the broker runs and that kafka.bootstrap names it."))


_FENCED = frozenset({"_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH", "FENCED_INSTANCE_ID"})
_LOGIN = "Check kafka.username, kafka.password and kafka.sasl_mechanism."
_CREATE = "Create the topics: kilowatch topics create"
_RIGHTS = "Give the user the right to it on the broker."
_HINTS = {
    "_AUTHENTICATION": _LOGIN,
    "SASL_AUTHENTICATION_FAILED": _LOGIN,
    "_SSL": "Check kafka.tls and kafka.ca_file.",
    "UNKNOWN_TOPIC_OR_PART": _CREATE,
    "_UNKNOWN_TOPIC": _CREATE,
    "_UNKNOWN_PARTITION": _CREATE,
    "TOPIC_AUTHORIZATION_FAILED": _RIGHTS,
    "GROUP_AUTHORIZATION_FAILED": _RIGHTS,
    "MSG_SIZE_TOO_LARGE": "Raise max.message.bytes of the topic: kilowatch topics check",
}
