"""kilowatch watches the power that devices draw, finds what is odd, says why, and switches off what you allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kilowatch.app.watch import Verdicts, watch

__all__ = ["Verdicts", "watch"]


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for: who runs a model on a Pi needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from kilowatch.app import watch as module

    return getattr(module, name)
