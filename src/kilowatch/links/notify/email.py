"""Notices by e-mail, over SMTP."""

from __future__ import annotations

import re
import smtplib
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import TYPE_CHECKING

from kilowatch.config.notify import MailTls
from kilowatch.core.notices import one_line
from kilowatch.errors import ComponentError
from kilowatch.links.notify.channel import TIMEOUT_S, trusting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.config.notify import EmailConfig
    from kilowatch.core.notices import Notice


class Email:
    """Keeps `Channel`. A message has an id of its incident and phase, so that mail programs know twins."""

    def __init__(self, config: EmailConfig) -> None:
        self._config = config
        self._tls = None if config.tls is MailTls.NONE else trusting(config.ca_file)

    def send(self, notice: Notice) -> None:
        """Hand a message over to the mail server; `ComponentError` where it does not take it for everybody."""
        try:
            with self._connected() as server:
                refused = server.send_message(message_of(notice, self._config))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise ComponentError(
                f"The mail server {self._config.host} did not take a message: {_why(error)}.",
                "Check host, port, tls, username, password and addresses of notify.email.",
            ) from error
        # Some have it and some do not: told as failed, so that all get it again, with the same Message-ID.
        if refused:
            raise ComponentError(f"The mail server refused {', '.join(refused)}.", "Check notify.email.to.")

    def close(self) -> None:
        """Do nothing: each message has a connection of its own."""

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        config = self._config
        if config.tls is MailTls.TLS:
            opened: smtplib.SMTP = smtplib.SMTP_SSL(config.host, config.port, timeout=TIMEOUT_S, context=self._tls)
        else:
            opened = smtplib.SMTP(config.host, config.port, timeout=TIMEOUT_S)
        with opened as server:
            if config.tls is MailTls.STARTTLS:
                server.starttls(context=self._tls)
            if config.username is not None and config.password is not None:
                server.login(config.username, config.password.reveal())
            yield server


def message_of(notice: Notice, config: EmailConfig) -> EmailMessage:
    """Return a notice as a mail message; names of devices cannot make headers of their own."""
    message = EmailMessage()
    message["Subject"] = one_line(notice.title)
    message["From"] = one_line(config.sender)
    message["To"] = ", ".join(map(one_line, config.to))
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<{re.sub(r'[^A-Za-z0-9.-]', '-', notice.id)}@kilowatch.invalid>"
    # RFC 3834: keeps out-of-office answers from coming back.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{notice.text}\n\nSite {one_line(notice.site)}, incident {notice.id.partition('.')[0]}\n")
    return message


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return one_line(f"{error.smtp_code} {said}")
    return one_line(str(error) or type(error).__name__)
