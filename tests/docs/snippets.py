"""The shell lines and Python of README and docs: found, with the tag that says what becomes of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(
    r"^(?:<!-- (?P<tag>run|slow|needs:(?:docker|grafana|hardware|broker|data|kubernetes|network)) -->\n)?"
    r"```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_SHELLS = {"sh", "bash", "console", "shell"}


@dataclass(frozen=True, slots=True)
class Snippet:
    """One block of code of a page. tag: `run`, `slow` or `needs:...`; empty where nobody said."""

    page: Path
    line: int
    language: str
    tag: str
    body: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_shell(self) -> bool:
        return self.language in _SHELLS


def snippets() -> list[Snippet]:
    """Return every shell and Python block of all pages."""
    return [found for page in PAGES for found in _of(page) if found.is_shell or found.language == "python"]


def settings_snippets() -> list[Snippet]:
    """Return every block of settings, of all pages."""
    return [found for page in PAGES for found in _of(page) if found.language == "toml"]


def unpaired_fences(page: Path) -> int:
    """Return how many lines look like a fence and belong to no block that is found: indented, or written otherwise."""
    text = page.read_text(encoding="utf-8")
    return len(re.findall(r"^\s*(?:```|~~~)", text, re.MULTILINE)) - 2 * len(_FENCE.findall(text))


def untagged_lines(page: Path) -> list[str]:
    """Return commands of a page that stand in an indented block, where no tag can be."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return re.findall(
        r"^ {4}((?:\$ )?(?:kilowatch|make|python|pip|scripts/|docker|helm|kubectl) ?.*)$", text, re.MULTILINE
    )


def _of(page: Path) -> list[Snippet]:
    text, found = page.read_text(encoding="utf-8"), []
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("body"))
        found.append(Snippet(page, line, match["language"], match["tag"] or "", match["body"]))
    return found
