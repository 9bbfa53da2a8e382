"""Readings pushed over HTTP: POST /v1/readings with a bearer token, answered 204 only once they are safe.

The body is one message as docs/contracts.md has it: a reading, or a batch in columns. What is in it is judged behind
the source like every other message; a sender learns only that it was taken.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

from kilowatch.errors import ComponentError, ConfigError, MissingExtraError
from kilowatch.links.source import SourceMessage
from kilowatch.links.wall import wall_ms
from kilowatch.observability.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kilowatch.config.sources import PushConfig
    from kilowatch.links.source import Put

log = logging.getLogger("kilowatch.push")
PATH = "/v1/readings"
_SAFE_WITHIN_S = 30.0
_NO_CONTENT, _BAD, _NO_LOGIN, _NO_PATH, _NO_METHOD, _TOO_LARGE, _BUSY = 204, 400, 401, 404, 405, 413, 503


class PushSource:
    """Listens between start and stop; `port` is the real one once started.

    At most `most_waiting` requests are between receipt and safety; beyond that senders get 503 with Retry-After, and
    the same where a message is not safe within 30 s. They send again, so readings may come twice, never less than once.
    """

    def __init__(
        self, config: PushConfig, *, metrics: Metrics | None = None, clock_ms: Callable[[], int] = wall_ms
    ) -> None:
        if config.token is None:
            raise ConfigError("The push endpoint has no token.", "Set sources.push.token_file.")
        self.name = "push"
        self.port = config.port
        self._config = config
        self._expected = f"Bearer {config.token.reveal()}".encode()
        self._metrics = metrics or Metrics()
        self._clock_ms = clock_ms
        self._waiting = 0
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self._put: Put | None = None

    def start(self, put: Put) -> None:
        """Listen; `ComponentError` where the port cannot be had."""
        uvicorn = _uvicorn()
        self._put = put
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            lifespan="off",
            proxy_headers=False,
            log_config=None,
            access_log=False,
            server_header=False,
            # Above our own limit: senders get our 503, with Retry-After, before the bare one of the server.
            limit_concurrency=self._config.most_waiting + 64,
            timeout_keep_alive=30,
            h11_max_incomplete_event_size=16_384,
        )
        self._server = uvicorn.Server(config)
        listening = self._listening()
        self.port = listening.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, name=self.name, daemon=True
        )
        self._thread.start()
        log.info("takes readings on http://%s:%s%s", self._config.bind, self.port, PATH)

    def stop(self) -> None:
        """Take no more requests and end."""
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join()

    def _listening(self) -> socket.socket:
        """Bind here, so that a port which is taken is an error of ours and not the end of the process."""
        bind = self._config.bind
        try:
            family = socket.AF_INET6 if ":" in bind else socket.AF_INET
            return socket.create_server((bind, self._config.port), family=family)
        except OSError as error:
            raise ComponentError(
                f"Nothing can listen on {bind}:{self._config.port}: {error.strerror or error}.",
                "Choose another sources.push.port or bind.",
            ) from error

    async def _app(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[..., Any]
    ) -> None:
        if scope["type"] != "http":
            return
        status = await self._answer(scope, receive)
        self._metrics.counter("kilowatch_push_requests_total").labels(self.name, str(status)).inc()
        headers = [(b"retry-after", b"1")] if status == _BUSY else []
        if status == _NO_LOGIN:
            headers = [(b"www-authenticate", b"Bearer")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _answer(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]]) -> int:
        headers = dict(scope["headers"])
        # Before path and method, so that a stranger learns neither; in constant time, against guessing.
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._expected):
            return _NO_LOGIN
        if scope["path"] != PATH:
            return _NO_PATH
        if scope["method"] != "POST":
            return _NO_METHOD
        if self._waiting >= self._config.most_waiting:
            return _BUSY
        # No lock: all requests run on one loop, and nothing waits between the question and this.
        self._waiting += 1
        try:
            body = await _read(receive, self._config.most_bytes)
            if not isinstance(body, bytes):
                return body
            return await self._handed_over(body)
        finally:
            self._waiting -= 1

    async def _handed_over(self, body: bytes) -> int:
        """Hand a message over and wait until it is safe."""
        loop = asyncio.get_running_loop()
        safe = asyncio.Event()

        def ack() -> None:
            # Called by whoever makes it safe, on a thread of theirs, and perhaps only after we have stopped.
            if not loop.is_closed():
                loop.call_soon_threadsafe(safe.set)

        message = SourceMessage(self.name, body, None, self._clock_ms(), ack)
        self._metrics.counter("kilowatch_source_messages_total").labels(self.name).inc()
        put = self._put
        if put is None:
            return _BUSY
        try:
            async with asyncio.timeout(_SAFE_WITHIN_S):
                # `put` blocks while the queue is full, so it must not hold the loop.
                await asyncio.to_thread(put, message)
                await safe.wait()
        # It may become safe yet: then the sender, who was told to come again, sends a twin, which cleaning knows.
        except TimeoutError:
            return _BUSY
        return _NO_CONTENT


async def _read(receive: Callable[[], Awaitable[Any]], most: int) -> bytes | int:
    """Return a request's body, or the status where it is too large, empty or cut off."""
    body = bytearray()
    while True:
        part = await receive()
        if part["type"] != "http.request":
            return _BAD
        body += part.get("body", b"")
        # Counted as it comes: a Content-Length is only what the sender says.
        if len(body) > most:
            return _TOO_LARGE
        if not part.get("more_body", False):
            return bytes(body) or _BAD


def _uvicorn() -> Any:
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtraError("uvicorn", "web") from error
    return uvicorn
