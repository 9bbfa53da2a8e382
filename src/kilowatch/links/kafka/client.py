"""The one place that loads the Kafka library, and turns its errors into ours."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from kilowatch.errors import ComponentError, KilowatchError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_T = TypeVar("_T")


class FencedError(ComponentError):
    """Another process has taken over what this one was writing: it must stop at once and keep nothing it did since."""


class AbortableError(ComponentError):
    """A transaction failed and must be aborted; it can be tried again from its beginning."""


@cache
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


def patiently(doing: str, call: Callable[[], _T]) -> _T:
    """Return what a question to the brokers brings; one that a leader on the move leaves unanswered is asked again."""
    library = kafka()
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return call()
        except library.KafkaException as error:
            if error.args[0].name() not in _PASSING or time.monotonic() > deadline:
                raise translated(error.args[0], doing) from error
        time.sleep(_PAUSE_S)


_PATIENCE_S = 30.0
_PAUSE_S = 0.1
# What passes by itself while a broker or its leader is replaced.
_PASSING = frozenset(
    {
        "NOT_LEADER_FOR_PARTITION",
        "LEADER_NOT_AVAILABLE",
        "NOT_COORDINATOR",
        "COORDINATOR_NOT_AVAILABLE",
        "COORDINATOR_LOAD_IN_PROGRESS",
        "_TRANSPORT",
        "_WAIT_COORD",
    }
)


def translated(error: Any, doing: str) -> KilowatchError:
    """Return the error of ours that a `KafkaError` stands for."""
    said = f"Kafka: {doing} failed: {error.str()} ({error.name()})."
    # Asked before anything that may be tried again: who is fenced would write into what another owns.
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
