"""The least of an HTTP/1.1 server that a smart plug needs: keep-alive, bounded heads and bodies."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

HEAD_BYTES = 16_384
_BODY_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Request:
    """One request. headers: names in small letters. query: the last of each name."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's values by name."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; the length of its body is told by the server."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: object, status: int = 200) -> Answer:
        """Return a value as JSON."""
        return cls(status, msgspec.json.encode(value))

    def raw(self) -> bytes:
        """Return the answer as it goes over the wire."""
        named = {"Content-Type": self.content_type, "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in named.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


Serve: TypeAlias = "Callable[[Request], Awaitable[Answer | None]]"
"""Answers a request; None cuts the connection off."""


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, serve: Serve) -> Request | None:
    """Answer requests until the client leaves; return the request where the client wants a WebSocket instead."""
    while (request := await read_request(reader)) is not None:
        if request.headers.get("upgrade", "").lower() == "websocket":
            return request
        answer = await serve(request)
        if answer is None:
            writer.transport.abort()
            return None
        writer.write(answer.raw())
        await writer.drain()
        if request.headers.get("connection", "").lower() == "close":
            return None
    return None


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request, None where the client left or spoke something else."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        # What is no HTTP has not three words, and the ValueError ends the connection.
        method, target, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= _BODY_BYTES:
            return None
        return Request(method, target, headers, await reader.readexactly(length))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
        return None
