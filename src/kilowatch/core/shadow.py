"""Where a candidate model and the live one disagree: counts, spans of odd samples, and what people said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from kilowatch.core.events import LabelWord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kilowatch.core.records import KnownIncident

SPAN_GAP_MS = 1_800_000
"""Odd samples that lie closer together belong to one span."""


class Verdicts(msgspec.Struct, kw_only=True):
    """Samples that both models called odd, and those that one alone did."""

    agreed_odd: int = 0
    live_alone: int = 0
    shadow_alone: int = 0

    def add(self, live: NDArray[np.bool_], shadow: NDArray[np.bool_]) -> None:
        """Count samples, bool[n] each."""
        self.agreed_odd += int((live & shadow).sum())
        self.live_alone += int((live & ~shadow).sum())
        self.shadow_alone += int((shadow & ~live).sum())


class ShadowCount(msgspec.Struct, kw_only=True):
    """All samples of one device that a live model and a candidate have both judged."""

    site: str
    device: str
    kind: str
    live: Annotated[str, Meta(description="SHA-256; empty where no model of its own was live")]
    model: Annotated[str, Meta(description="SHA-256 of the candidate")]
    first_ms: int
    last_ms: int
    samples: int
    verdicts: Verdicts


class ShadowSpan(msgspec.Struct, kw_only=True):
    """A time in which at least one of the models called a device odd; peaks: highest scores, 1.0 is the edge."""

    site: str
    device: str
    live: str
    model: str
    from_ms: int
    to_ms: int
    verdicts: Verdicts
    live_peak: float
    shadow_peak: float

    @property
    def is_disagreement(self) -> bool:
        """Whether one of the models saw nothing in all of it."""
        verdicts = self.verdicts
        live, shadow = verdicts.live_alone + verdicts.agreed_odd, verdicts.shadow_alone + verdicts.agreed_odd
        return not (live and shadow)


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What speaks for or against a candidate."""

    devices: int
    days: Annotated[float, Meta(description="device-days that both have judged")]
    samples: int
    agreement: Annotated[float, Meta(description="share of samples on which both say the same")]
    live_spans: Annotated[int, Meta(description="odd times of the live model")]
    shadow_spans: Annotated[int, Meta(description="odd times of the candidate")]
    real_found: Annotated[int, Meta(description="incidents that a person called real and the candidate saw too")]
    real: int
    wrong_silent: Annotated[int, Meta(description="incidents called wrong or harmless in which it saw nothing")]
    wrong: int


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A model that scores in shadow."""

    kind: str
    live: Annotated[str | None, Meta(description="hash of the model that judges the kind; null: none")]
    shadow: Annotated[str, Meta(description="hash of the candidate")]
    samples: Annotated[int, Meta(ge=0, description="samples that it has judged")]


class CandidatesOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch models shadow list --json` prints."""

    schema: Literal["kilowatch.candidates"] = "kilowatch.candidates"
    version: Literal[1] = 1
    candidates: list[Candidate]


class ShadowOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch models shadow show --json` prints."""

    schema: Literal["kilowatch.shadow"] = "kilowatch.shadow"
    version: Literal[1] = 1
    kind: str
    live: str | None
    model: str
    evidence: Evidence
    devices: list[ShadowCount]
    disagreements: list[ShadowSpan]


def weigh(
    counts: Sequence[ShadowCount], spans: Sequence[ShadowSpan], incidents: Iterable[KnownIncident], grid_s: float = 30.0
) -> Evidence:
    """Return the evidence on one candidate. incidents: the live model's, with what people said of them."""
    samples = sum(count.samples for count in counts)
    differ = sum(count.verdicts.live_alone + count.verdicts.shadow_alone for count in counts)
    seen = [span for span in spans if span.verdicts.shadow_alone + span.verdicts.agreed_odd]
    real, found, wrong, silent = 0, 0, 0, 0
    first = {(count.site, count.device): count.first_ms for count in counts}
    for known in incidents:
        since_ms = first.get((known.event.site, known.event.device))
        # What began before the candidate was watching speaks neither for nor against it.
        if known.label is None or since_ms is None or known.event.first_ms < since_ms:
            continue
        saw = any(_meet(span, known) for span in seen)
        if known.label is LabelWord.REAL:
            real, found = real + 1, found + saw
        else:
            wrong, silent = wrong + 1, silent + (not saw)
    return Evidence(
        devices=len({(count.site, count.device) for count in counts}),
        days=round(samples * grid_s / 86_400, 2),
        samples=samples,
        agreement=1.0 if not samples else 1.0 - differ / samples,
        live_spans=sum(1 for span in spans if span.verdicts.live_alone + span.verdicts.agreed_odd),
        shadow_spans=len(seen),
        real_found=found,
        real=real,
        wrong_silent=silent,
        wrong=wrong,
    )


def _meet(span: ShadowSpan, known: KnownIncident) -> bool:
    event = known.event
    # With the gap of a span on both sides: two models need not be odd in the same minute.
    same = (span.site, span.device) == (event.site, event.device)
    return same and span.from_ms <= event.last_ms + SPAN_GAP_MS and span.to_ms >= event.first_ms - SPAN_GAP_MS


def evidence_words(evidence: Evidence) -> list[str]:
    """Return evidence as lines for people."""
    devices = f"{evidence.devices} device{'s' * (evidence.devices != 1)}"
    lines = [
        f"{evidence.samples:,} samples of {devices}, {evidence.days:g} device-days",
        f"both say the same of {evidence.agreement:.2%}",
        f"odd times: {evidence.live_spans} by the live model, {evidence.shadow_spans} by the candidate",
    ]
    if not evidence.real + evidence.wrong:
        return [*lines, "of no incident of that time a person has said what it was"]
    return [
        *lines,
        f"called real by a person: {evidence.real}, the candidate saw {evidence.real_found}",
        f"called wrong or harmless: {evidence.wrong}, the candidate was silent at {evidence.wrong_silent}",
    ]
