"""The server's side of digest login, RFC 7616, as Shelly Gen2 asks for it: SHA-256, qop auth, user admin."""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

USER = "admin"
_PART = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class DigestLogin:
    """Hands out nonces and checks who answers them.

    reusable: a nonce serves more than once, as from firmware 2.0.0. counted: each time with a higher count.
    """

    def __init__(self, realm: str, *, reusable: bool = False, counted: bool = True) -> None:
        self.realm = realm
        self.reusable = reusable
        self.counted = counted
        self._nonces: dict[str, int] = {}

    def challenge(self) -> str:
        """Return the value of `WWW-Authenticate`, with a new nonce."""
        return f'Digest qop="auth", realm="{self.realm}", nonce="{self.new_nonce()}", algorithm=SHA-256'

    def new_nonce(self) -> str:
        """Return a nonce that may be answered once."""
        nonce = secrets.token_hex(8)
        self._nonces[nonce] = 0
        # Whoever is refused leaves a nonce behind: the oldest goes, so that they do not pile up.
        if len(self._nonces) > 64:
            del self._nonces[next(iter(self._nonces))]
        return nonce

    def accepts(self, header: str, method: str, target: str, password: str) -> bool:
        """Whether an `Authorization` header proves the password for this request, with a nonce of ours."""
        parts = {name: quoted or plain for name, quoted, plain in _PART.findall(header.removeprefix("Digest "))}
        # Or the proof for one address would open another.
        if parts.get("uri") != target:
            return False
        return self.proves(parts, f"{method}:{target}", password)

    def proves(self, parts: Mapping[str, str], what: str, password: str) -> bool:
        """Whether the parts of an answer prove the password. what: method and target, as RFC 7616's A2."""
        nonce, count = parts.get("nonce", ""), _number(parts.get("nc", ""))
        last = self._nonces.get(nonce)
        if (
            last is None
            or (self.counted and count <= last)
            or parts.get("username") != USER
            or parts.get("realm") != self.realm
        ):
            return False
        proof = ":".join([nonce, parts["nc"], parts.get("cnonce", ""), "auth"])
        expected = _hash(f"{_hash(f'{USER}:{self.realm}:{password}')}:{proof}:{_hash(what)}")
        if not hmac.compare_digest(expected, parts.get("response", "")):
            return False
        self._spend(nonce, count)
        return True

    def _spend(self, nonce: str, count: int) -> None:
        if self.reusable:
            self._nonces[nonce] = count
        else:
            del self._nonces[nonce]


def _number(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
