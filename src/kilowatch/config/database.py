"""Settings of the database."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from kilowatch.config.secret import Secret


class TlsMode(StrEnum):
    """What is asked of PostgreSQL's certificate; libpq's own names."""

    DISABLE = "disable"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


class DatabaseConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Devices, incidents, audit and labels."""

    url: Annotated[str, Meta(description="SQLAlchemy URL without password; empty: SQLite in the data folder")] = ""
    password: Annotated[Secret | None, Meta(description="password for the URL")] = None
    password_file: Annotated[str | None, Meta(description="file that holds the password")] = None
    sslmode: Annotated[
        TlsMode | None,
        Meta(description="of PostgreSQL; None: verify-full, or prefer where the server is on this machine"),
    ] = None
    ca_file: Annotated[str | None, Meta(description="certificates to trust; None: the system's")] = None
    cert_file: Annotated[str | None, Meta(description="our own certificate, where PostgreSQL wants one")] = None
    key_file: Annotated[str | None, Meta(description="our own certificate's key")] = None
