"""`docs/accuracy.md`: every table of every suite, its goals, what is missed, and pictures of the worst of it."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kilowatch.detectors.registry import DetectorName
from kilowatch.lab.suites.blindness import WHY
from kilowatch.lab.suites.gallery import hang
from kilowatch.lab.suites.networks import NOTE
from kilowatch.lab.suites.prepare import Suite
from kilowatch.lab.suites.table import cells_of, columns_of, lasting, plain, share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kilowatch.core.outputs_evaluate import Breakdown, Comparison, EvaluateOutput
    from kilowatch.lab.suites.evaluate import Evaluation
    from kilowatch.lab.suites.exhibits import Exhibit

_TITLES = {
    Suite.FAULTS: "Labelled appliance faults",
    Suite.INJECTED: "Injected anomalies",
    Suite.NAB: "Series of the literature",
    Suite.SWITCH_OFF: "Switching off",
}
_WEAK = 0.5
_CHOICE = (
    "One default serves all suites. Its thresholds and what each device learns see no label. Its make does not come"
    " from nowhere, though: some twenty variants of the ensemble were compared on these same sets while it was built,"
    " so these are figures of development data, and flattered by so much. New meters, plugs and series are the test."
)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A finished suite with its pictures, by path."""

    output: EvaluateOutput
    pictures: Sequence[tuple[Exhibit, Path]]


def write_accuracy(out: Path, run: Callable[[Suite], Evaluation]) -> list[EvaluateOutput]:
    """Run all suites and write the document to `out`, its pictures into `pictures` beside it."""
    chapters = []
    for suite in Suite:
        evaluation = run(suite)
        chapters.append(Chapter(evaluation.output, hang(evaluation, out.parent / "pictures")))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(document(chapters, commit(), out.parent), encoding="utf-8")
    return [chapter.output for chapter in chapters]


def document(chapters: Sequence[Chapter], commit_id: str, folder: Path) -> str:
    """Return the document; pictures are linked relative to `folder`."""
    parts = [
        "# Accuracy",
        f"Made by `kilowatch evaluate accuracy{_with_networks(chapters)} --out docs/accuracy.md`; do not edit.",
        f"Commit {commit_id}; {chapters[0].output.machine}. Intervals in brackets are 95 %.",
    ]
    if any(chapter.output.quick for chapter in chapters):
        parts.append("**A quick run on a small part: the figures are not comparable.**")
    parts += ["## Goals", _goals(chapters), _CHOICE]
    for chapter in chapters:
        parts += _chapter(chapter, folder)
    return "\n\n".join(part for part in parts if part) + "\n"


def _with_networks(chapters: Sequence[Chapter]) -> str:
    return " --networks" if any(NOTE in chapter.output.notes for chapter in chapters) else ""


def commit() -> str:
    """Return the commit that runs, marked where the working tree differs from it; `unknown` outside a repository."""
    here = Path(__file__).resolve().parent
    try:
        named = subprocess.run(
            # `--exclude *`: no tag near the commit gives it a name, so the same commit always reads the same.
            ["git", "describe", "--always", "--dirty", "--exclude", "*"],  # noqa: S607 - wherever git is
            cwd=here,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return "unknown"
    return named.stdout.strip() or "unknown"


def _goals(chapters: Sequence[Chapter]) -> str:
    rows = [
        (suite, goal.measure, plain(goal.value), goal.must, goal.goal, _loud(goal.reached))
        for suite, goal in ((chapter.output.suite, goal) for chapter in chapters for goal in chapter.output.goals)
    ]
    return _table(("suite", "measure", "default", "must", "goal", "reached"), rows)


def _loud(reached: str) -> str:
    return f"**{reached}**" if reached == "missed" else reached


def _chapter(chapter: Chapter, folder: Path) -> list[str]:
    output = chapter.output
    columns = columns_of(output)
    base = "" if output.base_rate is None else f", base rate {output.base_rate:.4f}"
    seeds = ", ".join(map(str, output.seeds))
    titles = ("detector", *(column.title for column in columns))
    parts = [
        f"## {_TITLES[Suite(output.suite)]} (`evaluate {output.suite}`)",
        f"{output.devices} devices{base}, seeds {seeds}, {output.seconds:.0f} s.",
        "\n".join(f"- {line}" for line in (*output.protocol, *output.notes)),
        _table(titles, [cells_of(row, columns) for row in output.rows]),
    ]
    if output.family_rows:
        rows = [(f"{row.detector}, {row.family}", *cells_of(row, columns)[1:]) for row in output.family_rows]
        parts += ["On each data set alone:", _table(titles, rows)]
    parts += [_compared(output), _details(output), _missed(output), _off_devices(output)]
    if chapter.pictures:
        parts.append("### The worst of it, in pictures")
    for exhibit, path in chapter.pictures:
        link = path.relative_to(folder).as_posix()
        parts.append(f"![{exhibit.what}: {exhibit.title}]({link})")
    return parts


def _compared(output: EvaluateOutput) -> str:
    if not output.comparisons:
        return ""
    rows = [(one.second, one.measure, _difference(one), f"{one.wins} of {one.of}") for one in output.comparisons]
    head = "The default against each other detector on the same series (paired bootstrap over devices):"
    return f"{head}\n\n{_table(('against', 'measure', 'default minus other', 'better on'), rows)}"


def _difference(one: Comparison) -> str:
    return f"{one.difference:+.3f} [{one.interval[0]:+.3f}, {one.interval[1]:+.3f}]"


def _details(output: EvaluateOutput) -> str:
    if output.suite == Suite.SWITCH_OFF:
        return ""
    own = [line for line in output.breakdown if line.detector == DetectorName.DEFAULT]
    rows = [(line.group, line.level, str(line.events), *_figures(line)) for line in own]
    return "What the default finds, by kind and strength:\n\n" + _table(
        ("kind", "strength", "events", "recall", "VUS-PR", "median delay"), rows
    )


def _figures(line: Breakdown) -> tuple[str, str, str]:
    recall = share(line.event_recall, line.event_recall_interval)
    return recall, share(line.vus_pr), lasting(line.delay_median_s)


def _missed(output: EvaluateOutput) -> str:
    """Name the kinds of which the default finds less than half, who finds more, and why they are hard."""
    if output.suite not in (Suite.INJECTED, Suite.FAULTS):
        return ""
    recall = _recall_by_group(output.breakdown)
    groups = sorted(recall[DetectorName.DEFAULT].items(), key=lambda entry: entry[1])
    lines = []
    for group, own in groups:
        if own >= _WEAK:
            continue
        best = max(recall, key=lambda name: recall[name].get(group, 0.0))
        theirs = recall[best].get(group, 0.0)
        rival = f"; `{best}` finds {theirs:.2f}" if theirs > own else "; no other detector finds more"
        why = f" Why: {WHY[group]}." if group in WHY else ""
        lines.append(f"- {group}: found {own:.2f}{rival}.{why}")
    return "### What is missed, and why\n\n" + ("\n".join(lines) or "Nothing is found less than half of the time.")


def _recall_by_group(breakdown: Iterable[Breakdown]) -> dict[str, dict[str, float]]:
    hits: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for line in breakdown:
        counted = hits[line.detector, line.group]
        # By events, for each strength of a kind is a line of its own.
        counted[0] += line.events * (line.event_recall or 0.0)
        counted[1] += line.events
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for (detector, group), (hit, total) in hits.items():
        found[detector][group] = hit / total if total else 0.0
    return dict(found)


def _off_devices(output: EvaluateOutput) -> str:
    if output.suite != Suite.SWITCH_OFF:
        return ""
    rows = [
        (line.group, line.level, str(line.events), share(line.event_recall), lasting(line.delay_median_s))
        for line in output.breakdown
        if line.detector == DetectorName.DEFAULT
    ]
    return "The default, device by device:\n\n" + _table(
        ("device", "sound data", "critical faults", "switched off", "median delay"), rows
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}"
    return "\n".join([head, *(f"| {' | '.join(row)} |" for row in rows)])
