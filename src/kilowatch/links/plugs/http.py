"""One plug's HTTP connection: bounded in time and size, never redirected, every failure one of `PlugTrouble`."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import msgspec

from kilowatch.core.plug import PlugAnswer, PlugFailedError, PlugTrouble
from kilowatch.errors import ConfigError
from kilowatch.links.lean_httpx import httpx
from kilowatch.links.plugs.deadline import Deadline
from kilowatch.links.plugs.guard import GuardedTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_BYTES = 262_144
_KEPT_BYTES = 16_384
"""Of an answer that makes no sense: a plug's own are a tenth of that."""
LOCAL_NETWORKS = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "::1/128")


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """allowed_networks: nothing else is ever called. timeout_s: for one whole answer. ca_file: None, the system's."""

    allowed_networks: tuple[str, ...] = LOCAL_NETWORKS
    timeout_s: float = 3.0
    verify_tls: bool = True
    ca_file: str | None = None
    on_answer_s: Callable[[float], None] | None = None


class PlugHttp:
    """Asks one plug for JSON. base: http://HOST:PORT. auth and headers carry the login and are never shown.

    heard: its last answer, for whoever finds that it makes no sense.
    """

    def __init__(
        self,
        base: str,
        settings: HttpSettings,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.base = base
        self.heard: PlugAnswer | None = None
        self._settings = settings
        self._deadline = Deadline()
        self._client = httpx.Client(
            base_url=base,
            auth=auth,
            headers={"User-Agent": "kilowatch", **(headers or {})},
            timeout=httpx.Timeout(settings.timeout_s),
            follow_redirects=False,
            # A proxy of the environment would be called in place of the address that was checked.
            trust_env=False,
            transport=GuardedTransport(settings.allowed_networks, _context(base, settings), self._deadline),
        )

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of an answer; `PlugFailedError` says in what way there is none."""
        return self._asked("GET", path, params=params)

    def post(self, path: str, body: object) -> Any:
        """Send JSON and return that of the answer; `PlugFailedError` says in what way there is none."""
        content = msgspec.json.encode(body)
        return self._asked("POST", path, content=content, headers={"Content-Type": "application/json"})

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def _asked(self, method: str, path: str, **what: Any) -> Any:
        start_s = time.monotonic()
        self._deadline.at_s = start_s + self._settings.timeout_s
        try:
            with self._client.stream(method, path, **what) as response:
                self._check(response)
                body = self._body(response, start_s + self._settings.timeout_s)
        except httpx.TimeoutException as error:
            raise self._slow() from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError) as error:
            raise self._unreachable(error) from error
        if self._settings.on_answer_s is not None:
            self._settings.on_answer_s(time.monotonic() - start_s)
        return self._json(body)

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in {401, 403}:
            raise PlugFailedError(
                PlugTrouble.LOGIN, f"{self.base} refused the login.", "Check username and password_file of the device."
            )
        if 300 <= status < 400:
            raise PlugFailedError(
                PlugTrouble.REDIRECT,
                f"{self.base} points to another address, which is never followed.",
                "Give the device the address that answers by itself.",
            )
        if status >= 400:
            raise PlugFailedError(
                PlugTrouble.STATUS, f"{self.base} answered with HTTP {status}.", "Check the make and the channel."
            )

    def _body(self, response: httpx.Response, deadline_s: float) -> bytes:
        """Return the body; time-outs of a client count each piece anew, a whole answer has one deadline."""
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > _MOST_BYTES or time.monotonic() > deadline_s:
                break
        # Kept before it is judged, as evidence; the login goes before the cut, which could leave a part of it.
        self.heard = PlugAnswer(response.request.url.path, _without_login(response.request, bytes(body))[:_KEPT_BYTES])
        if len(body) > _MOST_BYTES:
            raise self._garbage()
        if time.monotonic() > deadline_s:
            raise self._slow()
        return bytes(body)

    def _json(self, body: bytes) -> Any:
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._garbage() from error

    def _slow(self) -> PlugFailedError:
        return PlugFailedError(
            PlugTrouble.SLOW,
            f"{self.base} gave no whole answer within {self._settings.timeout_s:g} s.",
            "Is its Wi-Fi weak? plugs.timeout_s sets how long to wait.",
        )

    def _unreachable(self, error: Exception) -> PlugFailedError:
        why = str(error) or type(error).__name__
        return PlugFailedError(
            PlugTrouble.UNREACHABLE, f"{self.base} cannot be reached: {why}.", "Is it plugged in, at that address?"
        )

    def _garbage(self) -> PlugFailedError:
        return PlugFailedError(
            PlugTrouble.GARBAGE,
            f"{self.base} gave an answer that is no plug's.",
            "Check address and make.",
            answer=self.heard,
        )


def _without_login(request: httpx.Request, body: bytes) -> bytes:
    """Return an answer as it may be kept: some servers repeat what they were asked, and with it who we said we are."""
    password = request.url.params.get("password", "")
    for secret in {password, quote(password), quote_plus(password), request.headers.get("Authorization", "")}:
        told = secret.rpartition(" ")[2] if secret.startswith(("Basic ", "Bearer ")) else secret
        body = body.replace(told.encode(), b"***") if told else body
    return body


def _context(base: str, settings: HttpSettings) -> ssl.SSLContext:
    """Return one context for all plugs of a kind: each has a megabyte of certificates where it trusts anybody."""
    if not base.startswith("https://"):
        return _trusting_nobody()
    return _trusting(settings.ca_file) if settings.verify_tls else httpx.create_ssl_context(verify=False)


@cache
def _trusting_nobody() -> ssl.SSLContext:
    """Return what plain HTTP never asks for."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _trusting(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca_file} holds no certificates: {error}.", "Give a PEM file.") from error
