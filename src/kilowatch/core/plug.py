"""In what ways a smart plug can fail to answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kilowatch.errors import PlugError


class PlugTrouble(StrEnum):
    """Why a plug could not be read or switched."""

    UNREACHABLE = "unreachable"
    """No connection: switched off, moved, or another address."""
    SLOW = "slow"
    """Connected, and no whole answer in time."""
    LOGIN = "login"
    """User name, password or token refused."""
    GARBAGE = "garbage"
    """An answer that is not this vendor's."""
    STATUS = "status"
    """An HTTP error: no such switch, or the plug is busy."""
    REDIRECT = "redirect"
    """It points elsewhere, and nobody follows."""
    FORBIDDEN = "forbidden"
    """Its address lies outside the networks that are allowed."""


@dataclass(frozen=True, slots=True)
class PlugAnswer:
    """What a plug said. path: what was asked for, without parameters: they may hold a login. body: its first bytes."""

    path: str
    body: bytes


class PlugFailedError(PlugError):
    """A plug could not be read or switched; `trouble` says in what way.

    answer: what it said that makes no sense, None where it said nothing.
    """

    def __init__(self, trouble: PlugTrouble, message: str, hint: str = "", *, answer: PlugAnswer | None = None) -> None:
        super().__init__(message, hint)
        self.trouble = trouble
        self.answer = answer
