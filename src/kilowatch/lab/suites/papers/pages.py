"""The measured parts of docs/papers.md, written from the files of results: no figure is typed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ReadingError
from kilowatch.lab.suites.papers.cloud import rows_of
from kilowatch.lab.suites.papers.edge import spreads
from kilowatch.lab.suites.table import COLUMNS, NONE, cells_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kilowatch.core.outputs_papers import WindowRow
    from kilowatch.lab.suites.papers.kept import KeptFindings
    from kilowatch.lab.suites.papers.several import SeveralRow

BEGIN, END = "<!-- measured: {} -->", "<!-- end of measured -->"
NOTHING = "Nothing has been measured yet."
_PAPER = ("the paper prints", "", "1, not named", "0.92", "0.81", "0.50, by its counts 0.05")
_GOAL = {"accuracy": 0.99, "tpr": 0.98, "fpr": 0.01}


def with_measured(page: str, name: str, text: str) -> str:
    """Return the page with one measured part replaced; `ReadingError` where it has no such part."""
    head, found, rest = page.partition(BEGIN.format(name))
    _, ended, tail = rest.partition(END)
    if not found or not ended:
        raise ReadingError(f"The page has no part {name!r}.", f"Put {BEGIN.format(name)} and {END} around it.")
    return f"{head}{found}\n\n{text.strip()}\n\n{ended}{tail}"


def edge_text(known: Mapping[str, Sequence[WindowRow]], epochs: int) -> str:
    """Return what was found on the edge paper's protocol and beyond, of runs of so many epochs."""
    rows = [row for key, of in known.items() if key.endswith(f"; {epochs} epochs") for row in of]
    if not rows:
        return NOTHING
    busy = [row for row in rows if not row.idle]
    lines = [
        _PAPER,
        *_spread_lines(rows, ""),
        *_spread_lines([row for row in busy if "|" in row.subject], ", none idle"),
    ]
    titles = ("protocol", "model", "subjects", "accuracy, median (worst)", "TPR", "FPR")
    head = f"{epochs} epochs; seeds {_seeds(rows)}; of pairs the first of the suite's fixed order of 66."
    return "\n\n".join([head, markdown(titles, lines), _goals(rows), _meters(rows)])


def _spread_lines(rows: Sequence[WindowRow], suffix: str) -> list[tuple[str, ...]]:
    return [
        (
            one.protocol + suffix,
            one.model,
            str(one.subjects),
            f"{one.accuracy_median:.3f} ({one.accuracy_worst:.3f})",
            f"{one.tpr_median:.3f} ({one.tpr_worst:.3f})",
            f"{one.fpr_median:.3f} ({one.fpr_worst:.3f})",
        )
        for one in spreads(rows)
    ]


def _goals(rows: Sequence[WindowRow]) -> str:
    """Return how each model of the paper's own protocol stands to the goals in the median pair."""
    said = []
    for one in spreads([row for row in rows if row.protocol == "paper"]):
        met = [
            name
            for name, is_met in (
                ("accuracy", one.accuracy_median >= _GOAL["accuracy"]),
                ("TPR", one.tpr_median >= _GOAL["tpr"]),
                ("FPR", one.fpr_median <= _GOAL["fpr"]),
            )
            if is_met
        ]
        said.append(f"{one.model}: {', '.join(met) if met else 'none'}")
    return f"Goals met in the median pair (accuracy 0.99, TPR 0.98, FPR 0.01): {'; '.join(said)}."


def _meters(rows: Sequence[WindowRow]) -> str:
    """Return the list of pairs on the paper's own protocol."""
    models = list(dict.fromkeys(row.model for row in rows if row.protocol == "paper"))
    pairs = dict.fromkeys((row.subject, row.idle) for row in rows if row.protocol == "paper")
    lines = [
        (
            subject.replace(" | ", ", "),
            "yes" if idle else "",
            *(_mean(row.accuracy for row in rows if (row.protocol, row.subject, row.model) == ("paper", subject, model))
              for model in models),
        )
        for subject, idle in pairs
    ]  # fmt: skip
    return markdown(("pair", "idle", *(f"accuracy, {model}" for model in models)), lines)


def cloud_text(known: Mapping[str, Sequence[KeptFindings]], epochs: int) -> str:
    """Return what was found on plugs of TVs, of runs of so many epochs, and how many runs each row stands on."""
    # Anywhere in the key: behind the epochs it may say that untrained rows came too.
    kept = [one for key, of in known.items() if f"; {epochs} epochs" in key for one in of]
    if not kept:
        return NOTHING
    rows, recall = rows_of(one.findings() for one in kept)
    runs = {row.detector: sum(one.detector == row.detector for one in kept) for row in rows}
    columns = [column for column in COLUMNS if any(column.cell(row) != NONE for row in rows)]
    table = markdown(
        ("detector", "runs", *(column.title for column in columns)),
        [(row.detector, str(runs[row.detector]), *cells_of(row, columns)[1:]) for row in rows],
    )
    kinds = sorted({kind for of in recall.values() for kind in of})
    by_type = markdown(
        ("event recall", *kinds),
        [(name, *(f"{of[kind]:.2f}" if kind in of else NONE for kind in kinds)) for name, of in recall.items()],
    )
    plugs = sorted({one.device for one in kept})
    head = (
        f"At most {epochs} epochs; seeds {_seeds(kept)}; plugs: {', '.join(plugs)}. A run is one plug and one seed:"
        " the autoencoder has every seed, what varies it has the first."
    )
    return f"{head}\n\n{table}\n\n{by_type}"


def several_text(rows: Sequence[SeveralRow]) -> str:
    """Return what evidence named where one channel was changed."""
    if not rows:
        return NOTHING
    titles = (
        "subject",
        "channel",
        "change",
        "windows",
        "found",
        "channel named right",
        "part, overlap",
        "normal quiet",
    )
    lines = [
        (
            *(row.subject, row.channel, row.change, str(row.windows)),
            _share(row.found, row.windows),
            _share(row.named, row.found),
            NONE if row.overlap is None else f"{row.overlap:.2f}",
            f"{row.quiet:.1%}",
        )
        for row in rows
    ]
    return markdown(titles, lines)


def markdown(titles: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (titles, ["---"] * len(titles), *lines))


def _seeds(rows: Sequence[WindowRow] | Sequence[KeptFindings]) -> str:
    return ", ".join(map(str, sorted({row.seed for row in rows})))


def _mean(values: Iterable[float]) -> str:
    found = list(values)
    return f"{np.mean(found):.3f}" if found else NONE


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else NONE
