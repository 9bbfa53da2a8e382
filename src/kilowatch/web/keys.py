"""Whom the settings let in, and the token that is made where they name nobody."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.config.secret import read_secret
from kilowatch.errors import ConfigError
from kilowatch.web.access import Key, Keys, Role, new_token

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.config.web import WebConfig

ADMIN = "admin"
TOKEN_FILE = "web-token"  # noqa: S105 - a file's name


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who may come in. fresh: a token that was made just now, to be shown once; file: where a made one lies."""

    keys: Keys
    fresh: str | None = None
    file: Path | None = None


def entrance_of(config: WebConfig, folder: Path) -> Entrance:
    """Return whom the settings let in; where they have no token of their own, by one in the data folder."""
    people = [
        Key.of(name, person.role, person.token.reveal())
        for name, person in config.people.items()
        if person.token is not None
    ]
    if config.token is not None:
        return Entrance(Keys([Key.of(ADMIN, Role.ADMIN, config.token.reveal()), *people]))
    # A token in a file is one more way in: none is made where somebody can do everything already.
    if any(key.visitor.role is Role.ADMIN for key in people):
        return Entrance(Keys(people))
    file = folder / TOKEN_FILE
    fresh = _made(file)
    return Entrance(Keys([Key.of(ADMIN, Role.ADMIN, read_secret(file).reveal()), *people]), fresh, file)


def _made(file: Path) -> str | None:
    """Make a token that its owner alone can read, and return it; None where there is one already."""
    token = new_token()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Its rights from the first byte on; O_EXCL: of two processes that start together one makes it.
        place = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return None
    except OSError as error:
        raise ConfigError(
            f"The token cannot be kept as {file}: {error.strerror}.", "Make its folder writable, or set web.token_file."
        ) from error
    with os.fdopen(place, "w", encoding="utf-8") as opened:
        opened.write(token + "\n")
    return token
