"""Notices as JSON to an HTTP server of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.links.notify.channel import bearer, post

if TYPE_CHECKING:
    from kilowatch.config.notify import WebhookConfig
    from kilowatch.core.notices import Notice


class Webhook:
    """Keeps `Channel`. The header Idempotency-Key is the notice's id: a message that came twice has it twice."""

    def __init__(self, config: WebhookConfig) -> None:
        self._config = config

    def send(self, notice: Notice) -> None:
        """Post a notice; `ComponentError` where the answer is not 2xx."""
        token = None if self._config.token is None else self._config.token.reveal()
        headers = {"Idempotency-Key": notice.id, **bearer(token)}
        post(self._config.url, notice, headers, self._config.ca_file)

    def close(self) -> None:
        """Do nothing: each message has a connection of its own."""
