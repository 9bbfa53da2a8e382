"""What each word means that a message or a printed object may hold, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.core.clean_reasons import Outcome, Reason
from kilowatch.core.device import ActsBy, Kind, Reporting, Stage
from kilowatch.core.events import ActionState, EventKind, LabelWord, RejectReason, Severity, Want
from kilowatch.core.notices import Phase
from kilowatch.core.outputs_live import Mark
from kilowatch.lab.inject import INJECTIONS, Injection
from kilowatch.links.files import Format
from kilowatch.links.files.findings import Rule

if TYPE_CHECKING:
    from enum import Enum

MEANINGS: dict[type[Enum], dict[Enum, str]] = {
    RejectReason: {
        RejectReason.TOO_LARGE: "The message has more bytes than any that kilowatch takes.",
        RejectReason.NOT_JSON: "It is not JSON, or not UTF-8.",
        RejectReason.VERSION: "Its major version is higher than this kilowatch knows.",
        RejectReason.MISSING_FIELD: "A required field is not there.",
        RejectReason.WRONG_TYPE: "A field has another type than the contract says, or the message is of another sort.",
        RejectReason.OUT_OF_BOUNDS: "A number, a time or a length lies outside its limits.",
        RejectReason.UNEQUAL_COLUMNS: "The columns of a batch are not equally long.",
        RejectReason.UNDECODABLE: "It broke the contract of the vendor or mapping that its topic belongs to.",
    },
    LabelWord: {
        LabelWord.REAL: "Something was wrong: its time is kept out of learning, and no word hides the same again.",
        LabelWord.HARMLESS: "It was unusual and is fine: the same again is shown, and nobody is told.",
        LabelWord.WRONG: "It was ordinary, a false alarm: the same again opens nothing.",
    },
    EventKind: {
        EventKind.OPENED: "The incident has been confirmed and begins.",
        EventKind.UPDATED: "It goes on, and something about it has changed.",
        EventKind.CLEARED: "It is over.",
        EventKind.STALE: "The incident begins because the device says nothing any more.",
    },
    Severity: {
        Severity.INFO: "A little odd.",
        Severity.WARN: "Not as expected.",
        Severity.CRITICAL: "Far from expected; the only one for which a plug may be switched off.",
    },
    Want: {
        Want.NOTIFY: "Tell people, and switch nothing off.",
        Want.SWITCH_OFF: "Switch the device off.",
        Want.NONE: "Neither tell anybody nor switch anything off.",
    },
    ActionState: {
        ActionState.CLAIMED: "One process has taken the action for itself; the plug has not been told yet.",
        ActionState.SENT: "The plug is being told, or has been.",
        ActionState.CONFIRMED: "The plug was read back: it is off and draws nothing.",
        ActionState.UNCONFIRMED: "The plug was told, and nobody knows that it obeyed: a person should look.",
        ActionState.REFUSED: "The plug was never told: an interlock shut, or it could not be asked in time.",
    },
    ActsBy: {
        ActsBy.EDGE: "The `kilowatch run` in the same home switches it.",
        ActsBy.CLOUD: "The actor of the cluster switches it.",
        ActsBy.NONE: "Nobody switches it.",
    },
    Stage: {
        Stage.LEARNING: "Its usual behaviour is still being learnt.",
        Stage.WATCHING: "It is watched; nothing is switched.",
        Stage.ARMED: "A person has allowed that it is switched off.",
    },
    Reporting: {
        Reporting.PERIODIC: "It speaks at a steady interval.",
        Reporting.ON_CHANGE: "It speaks when something changes, and at each heartbeat.",
    },
    Phase: {
        Phase.BEGAN: "An incident begins.",
        Phase.ENDED: "An incident is over.",
        Phase.UNANSWERED: "A plug did not obey, or nobody knows whether it did.",
        Phase.HISTORY: "Something was odd in readings that came late.",
        Phase.DIGEST: "Several messages in one.",
        Phase.TEST: "`kilowatch notify test` was called.",
    },
    Mark: {
        Mark.OK: "It is as it should be.",
        Mark.WARN: "kilowatch works, with something missing.",
        Mark.FAIL: "kilowatch cannot work like this; the exit code is 1.",
    },
    Format: {
        Format.COMBED: "A folder or file of the COMBED data set.",
        Format.TRACEBASE: "A folder or file of the Tracebase data set.",
        Format.UCI: "The file of the UCI household.",
        Format.CSV: "Any other CSV file.",
        Format.PARQUET: "Any Parquet file.",
    },
    Rule: {
        Rule.UNREADABLE: "Rows could not be read.",
        Rule.DOUBTFUL: "What was guessed of the file may be wrong.",
        Rule.EMPTY: "It holds no readings.",
        Rule.BREAKS: "Gaps are longer than a value holds.",
        Rule.RESETS: "The energy register fell.",
        Rule.BACKWARD: "Times go back.",
        Rule.REPEATED: "Times come twice.",
        Rule.MISSING: "Readings have no power.",
        Rule.NEGATIVE: "Readings are below 0 W.",
        Rule.MISDATED: "Times lie before 2000 or after 2099.",
    },
    Injection: {kind: f"{told.meaning[:1].upper()}{told.meaning[1:]}." for kind, told in INJECTIONS.items()},
}
"""By enumeration, in the order of the page; a word that is not here stops the page from being made."""

SPEAK_FOR_THEMSELVES: frozenset[type[Enum]] = frozenset({Kind})
"""Whose words are everybody's."""

_BECOMES = {Outcome.ACCEPTED: "accepted", Outcome.REPAIRED: "repaired", Outcome.REJECTED: "rejected"}


def words() -> str:
    """Return the sections of all words."""
    everybodys = [_plain(kind) for kind in SPEAK_FOR_THEMSELVES]
    return "\n".join([*map(_section, MEANINGS), *everybodys, _quality()])


def _plain(kind: type[Enum]) -> str:
    return "\n".join([*_head(kind), ", ".join(f"`{word.value}`" for word in kind), ""])


def _section(kind: type[Enum]) -> str:
    rows = [f"| `{word.value}` | {MEANINGS[kind][word]} |" for word in kind]
    return "\n".join([*_head(kind), "| word | meaning |", "|---|---|", *rows, ""])


def _quality() -> str:
    """Return the flags that cleaning gives to readings: `reason` of metrics and of files, not of messages."""
    rows = [f"| `{one.label}` | {_BECOMES[one.outcome]} | {one.sentence} |" for one in Reason]
    told = "Each with examples: [cleaning](cleaning.md)."
    return "\n".join([*_head(Reason), told, "", "| word | the reading is | meaning |", "|---|---|---|", *rows, ""])


def _head(kind: type[Enum]) -> list[str]:
    return [f"### {kind.__name__}", "", " ".join((kind.__doc__ or "").split()), ""]
