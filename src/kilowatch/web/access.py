"""Who may look and who may act: tokens, roles, and sessions that a browser keeps instead of the token.

Tokens are kept as SHA-256 alone and compared in constant time. A session is signed with a key made from its person's
token, so that it survives a restart and ends with the token.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kilowatch.core.roles import Role
from kilowatch.errors import ConfigError

__all__ = ["NEEDS", "Deed", "Key", "Keys", "Role", "Visitor", "let_in", "new_token", "visitor"]

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SESSION_S = 30 * 86_400
"""How long a browser stays signed in."""
_VISITOR = "kilowatch.visitor"


class Deed(StrEnum):
    """What can be done, as far as roles tell it apart."""

    LOOK = "look"
    LABEL = "label"
    MUTE = "mute"
    SWITCH = "switch"
    DISARM = "disarm"
    PROTECT = "protect"
    REHEARSE = "rehearse"
    ARM = "arm"
    UNPROTECT = "unprotect"
    EDIT = "edit"
    MODELS = "models"


NEEDS: Mapping[Deed, Role] = {
    Deed.LOOK: Role.VIEWER,
    Deed.LABEL: Role.OPERATOR,
    Deed.MUTE: Role.OPERATOR,
    Deed.SWITCH: Role.OPERATOR,
    Deed.DISARM: Role.OPERATOR,
    Deed.PROTECT: Role.OPERATOR,
    Deed.REHEARSE: Role.OPERATOR,
    Deed.ARM: Role.ADMIN,
    Deed.UNPROTECT: Role.ADMIN,
    Deed.EDIT: Role.ADMIN,
    Deed.MODELS: Role.ADMIN,
}
"""The least role for each: what makes the house safer, an operator may; what lets kilowatch switch, an admin alone."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking."""

    name: str
    role: Role

    def may(self, deed: Deed) -> bool:
        """Whether their role is enough."""
        return self.role.may(NEEDS[deed])


@dataclass(frozen=True, slots=True)
class Key:
    """A person, and the SHA-256 of their token."""

    visitor: Visitor
    digest: bytes

    @classmethod
    def of(cls, name: str, role: Role, token: str) -> Key:
        """Return a person's key; `ConfigError` where the token could be guessed."""
        if len(token) < _LEAST_LETTERS:
            raise ConfigError(
                f"The token of {name} has {len(token)} letters.",
                f"Use {_LEAST_LETTERS} or more; this makes one: python -c 'import secrets; "
                "print(secrets.token_urlsafe())'",
            )
        # A fast hash: programs show their token with every request. Short tokens are refused instead.
        return cls(Visitor(name, role), hashlib.sha256(token.encode()).digest())


_LEAST_LETTERS = 16


class Keys:
    """Everybody who may come in; `ConfigError` where two have the same token or name."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)
        if len({key.digest for key in self._keys}) < len(self._keys):
            raise ConfigError("Two people have the same token.", "Give each their own: it tells who they are.")
        if len({key.visitor.name for key in self._keys}) < len(self._keys):
            raise ConfigError("Two people have the same name.", "The token of [web] belongs to admin.")

    def by_token(self, token: str) -> Visitor | None:
        """Return who has a token, None where nobody has."""
        shown, found = hashlib.sha256(token.encode()).digest(), None
        for key in self._keys:
            # No early end: how long it takes must not tell whose token comes near.
            if hmac.compare_digest(key.digest, shown):
                found = key.visitor
        return found

    def session(self, visitor: Visitor, now_s: float) -> str:
        """Return what a browser keeps to be known again."""
        key = next(key for key in self._keys if key.visitor == visitor)
        until_s, name = str(round(now_s) + SESSION_S), visitor.name.encode().hex()
        return f"{name}.{until_s}.{_signature(key, until_s)}"

    def by_session(self, session: str, now_s: float) -> Visitor | None:
        """Return whose session it is, None where it is nobody's or over."""
        name, _, rest = session.partition(".")
        until_s, _, signature = rest.partition(".")
        for key in self._keys:
            if key.visitor.name.encode().hex() == name and hmac.compare_digest(
                _signature(key, until_s).encode(), signature.encode()
            ):
                return key.visitor if until_s.isdecimal() and int(until_s) > now_s else None
        return None


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(32)


def let_in(scope: Any, visitor: Visitor) -> None:
    """Note on an ASGI scope who is asking."""
    scope[_VISITOR] = visitor


def visitor(scope: Any) -> Visitor:
    """Return who is asking, of an ASGI scope or a request: only those who were let in get this far."""
    found = getattr(scope, "scope", scope)[_VISITOR]
    assert isinstance(found, Visitor)  # noqa: S101 - the door has put it there
    return found


def _signature(key: Key, until_s: str) -> str:
    return hmac.new(key.digest, b"session " + until_s.encode(), "sha256").hexdigest()
