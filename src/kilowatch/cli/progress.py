"""Progress of long work: how much, how fast, how long still."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed or 0.0
        return Text(f"{speed:,.0f}/s", style="dim")


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{int(task.completed):,} readings")


@contextmanager
def reading_progress(what: str, total: int | None, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error while readings go by; yields the function to count them with."""
    with _bar(what, total, _Count(), _Rate(), TimeRemainingColumn(), quiet=quiet) as (progress, task):
        yield lambda count: progress.advance(task, count)


@contextmanager
def step_progress(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error; yields the function to say how many steps are done, and of how many."""
    with _bar(what, None, MofNCompleteColumn(), TimeElapsedColumn(), quiet=quiet) as (progress, task):
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def told_progress(what: str, total: int, *more: ProgressColumn, quiet: bool) -> Iterator[Callable[[int, str], None]]:
    """Show a bar on standard error with words beside it; yields the function to say what is done, and the words."""
    words = TextColumn("{task.fields[said]}")
    with _bar(what, total, MofNCompleteColumn(), words, *more, quiet=quiet, said="compiling") as (progress, task):
        yield lambda done, said: progress.update(task, completed=done, said=said)


@contextmanager
def _bar(
    what: str, total: int | None, *columns: ProgressColumn, quiet: bool, said: str = ""
) -> Iterator[tuple[Progress, TaskID]]:
    console = Console(stderr=True)
    shown = (TextColumn(what), BarColumn(), *columns)
    # Elsewhere than on a terminal nothing of it stays: a finished bar is noise in a log.
    with Progress(*shown, console=console, disable=quiet, transient=not console.is_terminal) as progress:
        yield progress, progress.add_task(what, total=total, said=said)
