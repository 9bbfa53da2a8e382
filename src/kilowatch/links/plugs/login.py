"""Who we are to a plug."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kilowatch.config.secret import Secret


@dataclass(frozen=True, slots=True)
class Login:
    """User and password of a plug. user: None takes the make's usual one, admin."""

    password: Secret
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Assistant:
    """A Home Assistant: http://HOST:8123 and a long-lived access token."""

    url: str
    token: Secret
