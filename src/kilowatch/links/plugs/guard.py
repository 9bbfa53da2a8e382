"""Keeps requests inside the networks where plugs may live, after the name was resolved."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

import httpcore

from kilowatch.core.plug import PlugFailedError, PlugTrouble
from kilowatch.links.lean_httpx import httpx
from kilowatch.links.plugs.deadline import BoundedBackend

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from kilowatch.links.plugs.deadline import Deadline

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network
    Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class GuardedTransport(httpx.HTTPTransport):
    """Connects to an address that it has checked itself, so that a name cannot change its mind in between.

    deadline: of the whole answer, set by who asks.
    """

    def __init__(self, allowed: Sequence[str], verify: ssl.SSLContext, deadline: Deadline) -> None:
        # Not our parent's own: httpx offers no way to say by what its connections are made.
        self._pool = httpcore.ConnectionPool(
            verify,
            max_connections=2,
            max_keepalive_connections=1,
            keepalive_expiry=5.0,
            # Beneath the caller: a switching that is sent twice must be somebody's decision, and be recorded.
            retries=0,
            network_backend=BoundedBackend(deadline),
        )
        self._allowed = [ipaddress.ip_network(network) for network in allowed]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to a checked address; `PlugFailedError` where its host has none."""
        host = request.url.host
        address = self._checked(host, request.url.port or 80)
        if str(address) == host:
            return super().handle_request(request)
        # A copy: login and repeated requests look at the name again, and certificates are checked against it.
        checked = httpx.Request(
            request.method,
            request.url.copy_with(host=str(address)),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return super().handle_request(checked)

    def _checked(self, host: str, port: int) -> Address:
        addresses = _resolved(host, port)
        # All of them, though one is used: in which order they come is up to the resolver.
        for address in addresses:
            if not any(address in network for network in self._allowed):
                raise PlugFailedError(
                    PlugTrouble.FORBIDDEN,
                    f"{host} is {address}, which lies outside the networks of plugs.",
                    "If a plug of yours is really there, add its network to plugs.allowed_networks.",
                )
        return addresses[0]


def _resolved(host: str, port: int) -> list[Address]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PlugFailedError(
            PlugTrouble.UNREACHABLE, f"The name {host} leads nowhere.", "Check the name, or use the plug's IP address."
        ) from error
    return [ipaddress.ip_address(entry[4][0]) for entry in found]
