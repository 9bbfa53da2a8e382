"""Notices to a phone, by an ntfy server: published as JSON, so that names in any script stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.core.events import Severity
from kilowatch.core.notices import Phase
from kilowatch.links.notify.channel import bearer, post

if TYPE_CHECKING:
    from kilowatch.config.notify import NtfyConfig
    from kilowatch.core.notices import Notice

# ntfy counts 1 to 5, where 3 is an ordinary message; from 4 on a phone vibrates long or pops up.
_PRIORITY = {Severity.INFO: 3, Severity.WARN: 4, Severity.CRITICAL: 5}
_TAGS = {Phase.BEGAN: "zap", Phase.ENDED: "white_check_mark", Phase.UNANSWERED: "rotating_light"}
_QUIET = 2


class Ntfy:
    """Keeps `Channel`. Priorities: 3 to 5 by severity, 5 where a plug did not obey, 2 for ends and summaries."""

    def __init__(self, config: NtfyConfig) -> None:
        self._config = config

    def send(self, notice: Notice) -> None:
        """Publish a notice to the topic; `ComponentError` where the server does not take it."""
        # What is over must not wake anybody, however severe it was.
        alarming = notice.phase in {Phase.BEGAN, Phase.UNANSWERED, Phase.DIGEST}
        body = {
            "topic": self._config.topic,
            "title": notice.title,
            "message": notice.text,
            "priority": _PRIORITY[notice.severity] if alarming else _QUIET,
            "tags": [_TAGS.get(notice.phase, "information_source")],
        }
        token = None if self._config.token is None else self._config.token.reveal()
        post(self._config.url, body, bearer(token), self._config.ca_file)

    def close(self) -> None:
        """Do nothing: each message has a connection of its own."""
