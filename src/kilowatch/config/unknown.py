"""What to say of a name that nobody knows."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable


def unknown(name: str, known: Iterable[str], where: str) -> ConfigError:
    """Return the error for a setting that does not exist, with the nearest that does."""
    names = sorted(known)
    # Below the usual 0.6: of short names one wrong letter is much.
    nearest = get_close_matches(name, names, n=1, cutoff=0.5)
    if nearest:
        hint = f"Did you mean {nearest[0]!r}?"
    else:
        hint = f"Known here: {', '.join(names)}." if names else "Nothing can be set below that."
    return ConfigError(f"{where}: there is no setting {name!r}.", hint)
