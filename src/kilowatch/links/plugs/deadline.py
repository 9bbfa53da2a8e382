"""One deadline for a whole answer: a client's own time-outs begin anew with each piece that drips in."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable


class Deadline(threading.local):
    """When the answer that a thread waits for must be whole, monotonic s."""

    at_s = math.inf

    def left_s(self, timeout_s: float | None) -> float | None:
        """Return how long one step may take; `httpcore.ReadTimeout` where nothing is left."""
        left_s = self.at_s - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout("the answer took too long")
        if left_s == math.inf:
            return timeout_s
        return left_s if timeout_s is None else min(left_s, timeout_s)


class BoundedBackend(httpcore.SyncBackend):
    """Makes connections of which no read or write outlasts a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect."""
        left_s = self._deadline.left_s(timeout)
        return _Bounded(super().connect_tcp(host, port, left_s, local_address, socket_options), self._deadline)


class _Bounded(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left_s(timeout))
        return _Bounded(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
