"""Judging what was rejected once more, by the settings as they are now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from kilowatch.app.ingest.gate import Accepted, Gate
from kilowatch.links.decode.report import UndecodableError
from kilowatch.links.mqtt.again import KeptReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.config.sections import Config
    from kilowatch.core.events import Rejected
    from kilowatch.links.source import SourceMessage

    Judge: TypeAlias = Callable[[SourceMessage], Accepted | Rejected | None]


def judge_of(config: Config) -> Judge:
    """Return who judges: vendors' messages by the decoders of their broker, all by the gate.

    None is for a message that is understood now and says no reading.
    """
    gate = Gate()
    readers = {reader.source: reader for reader in _readers(config)}

    def judge(message: SourceMessage) -> Accepted | Rejected | None:
        if not message.topic:
            return gate.judge(message)
        try:
            payload = _read(readers.get(message.source), message)
        except UndecodableError as error:
            return gate.judge(replace(message, reason=str(error)))
        return None if payload is None else gate.judge(replace(message, payload=payload))

    return judge


def _readers(config: Config) -> list[KeptReader]:
    return [KeptReader(label, broker, config.site) for label, broker in config.sources.mqtt.items()]


def _read(reader: KeptReader | None, message: SourceMessage) -> bytes | None:
    if reader is None:
        raise UndecodableError(f"no source of the settings reads kept messages of {message.source}")
    return reader.read(message.topic, message.payload, message.received_ms, is_retained=message.is_retained)
