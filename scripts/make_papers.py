"""Write the measured parts of docs/papers.md from .run: what `kilowatch evaluate paper-edge` and `paper-cloud` found.

python scripts/make_papers.py              # write what is there
python scripts/make_papers.py --several 3  # measure models over several channels first, with so many seeds
python scripts/make_papers.py --improved 5 # train the improved recipe on so many pairs first
"""

from __future__ import annotations

import sys
from pathlib import Path

from kilowatch.core.outputs_papers import WindowRow
from kilowatch.lab.suites.papers.cloud import CloudOptions
from kilowatch.lab.suites.papers.edge import EPOCHS, EdgeOptions
from kilowatch.lab.suites.papers.edge_tasks import EdgeTask, run_edge
from kilowatch.lab.suites.papers.kept import KeptFindings
from kilowatch.lab.suites.papers.ledger import Ledger
from kilowatch.lab.suites.papers.meters import Split, pairs
from kilowatch.lab.suites.papers.pages import cloud_text, edge_text, several_text, with_measured
from kilowatch.lab.suites.papers.several import SeveralRow, run_several

PAGE = Path(__file__).resolve().parent.parent / "docs" / "papers.md"
SEVERAL = Path(".run/several.jsonl")


def improve(most: int) -> None:
    """Train the improved recipe on the first pairs; what is done is not done again."""
    results = EdgeOptions().results
    known = Ledger(results, WindowRow).read()
    tasks = [EdgeTask(pair, Split.PAPER, 0, EPOCHS, results, improved=True) for pair in pairs(most)]
    for task in tasks:
        if task.key not in known:
            run_edge(task)


def write() -> None:
    """Write the page."""
    page = PAGE.read_text(encoding="utf-8")
    several = [row for of in Ledger(SEVERAL, SeveralRow).read().values() for row in of]
    for name, text in (
        ("edge", edge_text(Ledger(EdgeOptions().results, WindowRow).read(), EPOCHS)),
        ("cloud", cloud_text(Ledger(CloudOptions().results, KeptFindings).read(), CloudOptions().epochs)),
        ("several", several_text(several)),
    ):
        page = with_measured(page, name, text)
    PAGE.write_text(page, encoding="utf-8")
    print(f"wrote {PAGE.name}")


def main(arguments: list[str]) -> None:
    """Do what is asked first, then write."""
    if arguments[:1] == ["--several"]:
        run_several(SEVERAL, seed=0)
    if arguments[:1] == ["--improved"]:
        improve(int(arguments[1]))
    write()


if __name__ == "__main__":
    main(sys.argv[1:])
