"""Settings of what the edge passes on, to whom, and of the models that judge."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from kilowatch.config.secret import Secret


class UpstreamTo(StrEnum):
    """Who gets the edge's readings and incidents."""

    NONE = "none"
    KAFKA = "kafka"
    MQTT = "mqtt"


class UpstreamConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where `kilowatch run` passes its readings and incidents on to, through its outbox."""

    to: Annotated[UpstreamTo, Meta(description="Kafka as [kafka] says, a broker of [sources.mqtt], or nobody")] = (
        UpstreamTo.NONE
    )
    broker: Annotated[
        str | None,
        Meta(description="name of the broker under sources.mqtt; kilowatch/SITE/readings and /incidents at QoS 1"),
    ] = None
    gather_s: Annotated[
        float, Meta(ge=0, le=60, description="readings are gathered so long before they go to disk together, s")
    ] = 1.0


class ModelsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where model artifacts come from; which one judges what, IoTModels says."""

    folder: Annotated[
        str, Meta(min_length=1, description="folder of models by hash; what is fetched is kept there")
    ] = "models"
    url: Annotated[str, Meta(description="HTTP source, asked for URL/SHA256.onnx; empty: the folder alone")] = ""
    token: Annotated[Secret | None, Meta(description="bearer token for the source")] = None
    token_file: Annotated[str | None, Meta(description="file that holds the token")] = None
    ca_file: Annotated[str | None, Meta(description="certificates to trust; None: the system's")] = None
