"""kilowatch watches the power that devices draw, finds what is odd, says why, and switches off what you allow."""

from kilowatch.app.watch import Verdicts, watch

__all__ = ["Verdicts", "watch"]
