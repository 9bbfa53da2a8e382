"""Settings of the page and the API: where they listen, and who may come in."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from kilowatch.config.secret import Secret
from kilowatch.config.sources import Port
from kilowatch.core.roles import Role


class PersonConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person or program with a token of their own; the name stands in the audit beside what they say."""

    role: Annotated[Role, Meta(description="viewer looks; operator labels, mutes, disarms, switches; admin arms")] = (
        Role.VIEWER
    )
    token: Annotated[Secret | None, Meta(description="what they must show, 16 letters or more")] = None
    token_file: Annotated[str | None, Meta(description="file that holds the token")] = None


class WebConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The live page and the API, served where the web extra is installed."""

    enabled: Annotated[bool, Meta(description="serve them")] = True
    bind: Annotated[str, Meta(description="address to listen on; 0.0.0.0 lets the whole network in")] = "127.0.0.1"
    port: Port = 8080
    token: Annotated[
        Secret | None, Meta(description="of the person called admin; None: one is made and kept in the data folder")
    ] = None
    token_file: Annotated[str | None, Meta(description="file that holds the token")] = None
    people: Annotated[dict[str, PersonConfig], Meta(description="who else may come in, by name")] = msgspec.field(
        default_factory=dict
    )
