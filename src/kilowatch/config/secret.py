"""A password or token that does not show itself by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

# A path to a device or to a large file must not fill the memory.
_MOST_BYTES = 65_536


class Secret:
    """Holds a password or token; only `reveal` gives it away, never a log line, a traceback or `config show`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> str:
        raise TypeError("A secret is not pickled.")


def read_secret(path: Path) -> Secret:
    """Return the content of a file without the line break at its end; `ConfigError` where there is none."""
    try:
        with path.open("rb") as file:
            # Line breaks alone: blanks may be part of a password.
            text = file.read(_MOST_BYTES).decode().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The secret in {path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.",
            "Give the path of a readable file that holds nothing but the secret.",
        ) from error
    if not text:
        raise ConfigError(f"The file {path} is empty, a secret is expected.", "Write the password or token into it.")
    return Secret(text)
