"""Write docs/contracts.md from the structs that travel, what `--json` prints, and the golden messages.

`--check` only compares.
"""

from __future__ import annotations

import sys
from collections import Counter

from command_outputs import command_sections, structs
from contract_words import MEANINGS, SPEAK_FOR_THEMSELVES, words
from generated import ROOT, keep
from struct_tables import enums_of, section, title_of, within

from kilowatch.core import events
from kilowatch.core.device import DeviceRecord
from kilowatch.core.notices import Notice
from kilowatch.core.records import ModelChoice
from kilowatch.lab.inject.labels import LabelFile

PAGE = ROOT / "docs" / "contracts.md"

INTRO = """# Contracts

What travels between the parts of kilowatch, and what `--json` prints. This page is generated from the structs in
`kilowatch.core` and `kilowatch.cli` by `python scripts/make_contracts.py`; the examples are golden files that the tests
pin byte for byte.

- Messages are JSON in UTF-8. Times are integers, ms since 1970 in UTC. Powers are in W, energies in Wh.
- Names end in their unit: `_w`, `_wh`, `_s`, `_ms`, `_us`. A share is 0 to 1. A score of 1.0 is the edge of expected.
- Types and required fields are strict. Unknown fields are ignored, and counted where readings come in.
- `v` is the major version of a message. A higher one is rejected, kept with that reason, and can be sent again.
- Optional fields are left out where they say nothing. Where a required number is not known it is null.
- What [words](#words) like `opened` or `unconfirmed` mean stands at the end.
"""

SECTIONS: dict[str, tuple[type, ...]] = {
    "Readings": (events.Reading, events.ReadingColumns, events.Rejected),
    "Control": (
        events.Tick,
        events.PersonalWord,
        events.Label,
        events.Undo,
        events.Acknowledge,
        events.Mute,
        events.Rearm,
        events.RecordChanged,
        events.Learnt,
    ),
    "Incidents": (events.IncidentEvent, events.Evidence),
    "Switching": (events.Intent, events.ActionEvent),
    "Devices": (DeviceRecord,),
    "Models": (ModelChoice,),
    "Messages to people": (Notice,),
    "Label files": tuple(within(LabelFile)),
}


def render() -> str:
    """Return the whole page."""
    told = [struct for structs_here in SECTIONS.values() for struct in structs_here]
    printed = [one for struct in structs() for one in within(struct)]
    _hold(dict.fromkeys([*told, *printed]))
    parts = [INTRO]
    for title, here in SECTIONS.items():
        parts += [f"## {title}\n", *[section(struct) for struct in here]]
    return "\n".join([*parts, "## Command output\n", command_sections(told), "## Words\n", words()])


def _hold(shown: dict[type, None]) -> None:
    """Raise where two sections would share a heading, or a word has no meaning."""
    named = enums_of(shown)
    headings = Counter([*map(title_of, shown), *(one.__name__ for one in named | MEANINGS.keys())])
    twice = [title for title, count in headings.items() if count > 1]
    unsaid = named - MEANINGS.keys() - SPEAK_FOR_THEMSELVES
    if twice or unsaid:
        raise ValueError(f"Two sections are called {twice}; scripts/contract_words.py lacks {unsaid}.")


def main() -> int:
    """Write the page, or with --check return 1 where it is stale."""
    return keep({PAGE: render()})


if __name__ == "__main__":
    sys.exit(main())
