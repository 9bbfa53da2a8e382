"""The pages made from code are fresh, and name what there is."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["config", "metrics"])
def test_the_page_is_fresh(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    script = runpy.run_path(str(ROOT / "scripts" / f"make_{page}_docs.py"))
    assert (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8") == script["render"]()


def test_every_setting_has_a_meaning() -> None:
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 80
    assert [row for row in rows if row.endswith("|  |")] == []
