"""What the scripts for audits and evidence make of what they were told."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "scripts"))

from audit import verdict
from evidence import parts_of
from kills import INTRO, KINDS, merged

SOUND = {"name": "numpy", "version": "2.0", "vulns": []}
WEAK = {"name": "old", "version": "0.1", "vulns": [{"id": "PYSEC-1"}]}
UNKNOWN = {"name": "new", "skip_reason": "Dependency not found on PyPI and could not be audited: new (1.0)"}
OURS = {"name": "kilowatch", "skip_reason": "distribution marked as editable"}


def test_all_looked_up_and_nothing_known_is_clean() -> None:
    assert verdict([SOUND, OURS]) == (0, "1 of 1 packages were looked up, 0 weaknesses are known.")


def test_a_weakness_is_named() -> None:
    code, words = verdict([SOUND, WEAK, UNKNOWN])
    assert code == 1
    assert "old 0.1: PYSEC-1" in words


def test_what_was_not_looked_up_never_passes_for_clean() -> None:
    code, words = verdict([SOUND, UNKNOWN])
    assert code == 4
    assert words == "1 of 2 packages were looked up, 0 weaknesses are known.\nNot looked up: new."


def test_a_kind_run_again_takes_its_own_place_and_the_others_stay() -> None:
    page = ""
    for kind in reversed(KINDS):
        page = merged(page, kind, f"## {kind}\n\nfirst")
    again = merged(page, "broker", "## broker\n\nsecond")
    assert page.startswith(INTRO.rstrip())
    assert [line for line in again.splitlines() if line.startswith("## ")] == [f"## {kind}" for kind in KINDS]
    assert again == page.replace("## broker\n\nfirst", "## broker\n\nsecond")
    assert merged(again, "broker", "## broker\n\nsecond") == again


def test_a_page_without_parts_has_none() -> None:
    assert parts_of("") == {}
    assert parts_of("# Long runs\n") == {}
    assert parts_of("# Long runs\n\n## `tests/a.py`\n\nx\n\n## `tests/b.py`\n\ny\n") == {
        "tests/a.py": "## `tests/a.py`\n\nx",
        "tests/b.py": "## `tests/b.py`\n\ny",
    }
