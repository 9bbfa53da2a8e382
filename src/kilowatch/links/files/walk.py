"""From paths to sources: folders are walked, formats recognised, and one bad file never spoils the rest."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from kilowatch.errors import ReadingError
from kilowatch.links.files.combed import POWER, load_files, open_combed
from kilowatch.links.files.parquet import MARK
from kilowatch.links.files.source import FileFailure, Format, OpenResult, Unreadable
from kilowatch.links.files.table import open_csv, open_parquet
from kilowatch.links.files.text import guess_text, read_head
from kilowatch.links.files.tracebase import DAILY, is_tracebase, open_tracebase
from kilowatch.links.files.uci import is_uci, open_uci

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from kilowatch.links.files.source import FileSource, ReadOptions

SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".dat", ".parquet", ".pq"})
_PLAIN_WORDS = ("readme", "license", "licence", "copying", "notice")
_FAILS = (Unreadable, OSError, pa.ArrowException)


def open_sources(paths: Sequence[Path], options: ReadOptions) -> OpenResult:
    """Open files and folders; `ReadingError` only where nothing useful could be read."""
    result = OpenResult()
    files: dict[Path, None] = {}
    for path in paths:
        found = _files(path)
        if not found:
            message, hint = _why_none(path)
            result.failures.append(FileFailure(path, None, message, hint))
        files.update(dict.fromkeys(found))
    _Opener(options, result).open(files)
    if not result.sources:
        _refuse(result.failures)
    return result


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.exists() else []
    found = (file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    return sorted(file for file in found if not file.name.lower().startswith((".", *_PLAIN_WORDS)))


def _why_none(path: Path) -> tuple[str, str]:
    if path.is_dir():
        return "The folder holds no CSV or Parquet files.", f"Looked for {', '.join(sorted(SUFFIXES))} below it."
    return "There is no such file or folder.", "Check the path."


def _refuse(failures: Sequence[FileFailure]) -> None:
    first = failures[0]
    place = "" if first.row is None else f", line {first.row}"
    more = f" {len(failures) - 1} more failed." if len(failures) > 1 else ""
    raise ReadingError(f"Nothing could be read. {first.path}{place}: {first.message}{more}", first.hint)


class _Opener:
    """Opens groups of files by their format and collects what fails."""

    def __init__(self, options: ReadOptions, result: OpenResult) -> None:
        self.options = options
        self.result = result

    def open(self, files: Iterable[Path]) -> None:
        loads, chains, single = self._grouped(files)
        for folder in loads:
            self._try(folder, partial(open_combed, folder, self.options))
        for chain in chains:
            self._chain(chain)
        for file in single:
            self._try(file, partial(self._file, file))

    def _grouped(self, files: Iterable[Path]) -> tuple[list[Path], list[list[Path]], list[Path]]:
        """Split files into COMBED load folders, chains of daily files, and single ones."""
        wanted = self.options.format
        loads: dict[Path, None] = {}
        chains: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        single: list[Path] = []
        folders = {file.parent for file in files if file.name.lower() == POWER}
        for file in files:
            daily = DAILY.match(file.stem) if file.suffix.lower() == ".csv" else None
            if wanted in (None, Format.COMBED) and file.parent in folders and file in load_files(file.parent).values():
                loads[file.parent] = None
            elif wanted is Format.TRACEBASE or (wanted is None and daily):
                chains[file.parent, daily["plug"] if daily else file.stem].append(file)
            else:
                single.append(file)
        return list(loads), list(chains.values()), single

    def _chain(self, files: list[Path]) -> None:
        """Open daily files of one plug as one source, unless their content says that they are other tables."""
        try:
            # Any, not the first: one bad day must not make tables of another kind of all the rest.
            alike = self.options.format is Format.TRACEBASE or any(map(is_tracebase, files))
            if not alike:
                for file in files:
                    self._try(file, partial(self._file, file))
                return
            source, failures = open_tracebase(files, self.options)
            self.result.failures.extend(failures)
            if source is not None:
                self.result.sources.append(source)
        except _FAILS as error:
            self._fail(files[0], error)

    def _file(self, file: Path) -> FileSource:
        """Open one file in the format asked for, or in the one that its content shows."""
        wanted = self.options.format
        if wanted is Format.COMBED:
            raise Unreadable("This is no COMBED load folder.", "Name a folder that holds Power.csv.")
        head = read_head(file)
        # Also by its name: a damaged one is then told as damaged Parquet, and not as strange text.
        is_parquet = head[0].startswith(MARK) or file.suffix.lower() in {".parquet", ".pq"}
        if wanted is Format.PARQUET or (wanted is None and is_parquet):
            return open_parquet(file, self.options)
        if wanted is Format.UCI or (wanted is None and is_uci(guess_text(file, head))):
            return open_uci(file, self.options)
        if wanted is None and is_tracebase(file):
            source, failures = open_tracebase([file], self.options)
            if source is None:
                raise Unreadable(failures[0].message, failures[0].hint, failures[0].row)
            return source
        return open_csv(file, self.options)

    def _try(self, path: Path, opened: Callable[[], FileSource]) -> None:
        try:
            self.result.sources.append(opened())
        except _FAILS as error:
            self._fail(path, error)

    def _fail(self, path: Path, error: Exception) -> None:
        if isinstance(error, Unreadable):
            failure = FileFailure(path, error.row, str(error), error.hint)
        elif isinstance(error, OSError):
            failure = FileFailure(path, None, f"It cannot be opened: {error.strerror}.", "Check its permissions.")
        else:
            message = f"It is no table that is understood ({error})."
            failure = FileFailure(path, None, message, "Export it as CSV with a time and a power column.")
        self.result.failures.append(failure)
