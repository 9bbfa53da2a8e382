"""Backup to one file and back, with a manifest of hashes: all tables as JSON lines, and from the data folder history,
what an edge has learnt (its snapshots) and its log. What only waits to be sent is not in it.

A backup knows nothing of the kind of database: one of SQLite is restored into PostgreSQL and the reverse. It is
restored into the schema that it was made with, and that is upgraded then.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from kilowatch.errors import ConfigError, KilowatchError, StateError
from kilowatch.links.database import schema
from kilowatch.links.database.dump import TABLES, fill, is_in_use, make_empty, rows_of
from kilowatch.links.folder_lock import FolderLock
from kilowatch.links.journal import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.app.stores import DataFolder
    from kilowatch.links.database import Database, Transaction

FORMAT = 1
_MANIFEST = "manifest.json"
_TABLES = "tables"
_FOLDERS = "data"
_KEPT = frozenset({".parquet", ".journal", ".snapshot", ".log"})
"""What is in a backup of the folders: no locks, and nothing half written."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. files: SHA-256 of each by its name in the archive."""

    format: int
    schema: str
    created_ms: int
    files: dict[str, str]


def back_up(database: Database, data: DataFolder, target: Path, now_ms: int) -> Manifest:
    """Write everything to one file, whole or not at all; running services may go on meanwhile."""
    with tempfile.TemporaryDirectory(prefix="kilowatch-backup-", dir=_folder_of(target)) as name:
        folder = Path(name)
        # Snapshots before the tables, the log after them: what an edge has learnt is never ahead of the incidents that
        # are kept, and what lies between is judged again from the log.
        _copy(data.snapshots, folder / _FOLDERS / data.snapshots.name)
        with database.snapshot() as transaction:
            version = _dump(transaction, folder / _TABLES)
        for place in data.kept:
            if place != data.snapshots:
                _copy(place, folder / _FOLDERS / place.name)
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        hashes = {each: _hash(folder / each) for each in names}
        manifest = Manifest(format=FORMAT, schema=version, created_ms=now_ms, files=hashes)
        (folder / _MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        with replacing(target) as fresh, tarfile.open(fresh, "w:gz") as archive:
            for each in [_MANIFEST, *names]:
                archive.add(folder / each, each)
        return manifest


def restore(database: Database, data: DataFolder, source: Path, *, force: bool = False) -> Manifest:
    """Put a backup in the place of what is there; `ConfigError` where something is and force is not given.

    The backup is read and verified before anything is touched. `StateError` where it is torn or newer.
    """
    data.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kilowatch-restore-", dir=data.root) as name, ExitStack() as held:
        folder = Path(name)
        manifest = _unpack(source, folder)
        for place in data.kept:
            # A process that runs holds these locks: it is found out here, before anything of its is replaced.
            held.callback(FolderLock(place).close)
        with database.begin() as transaction:
            if not force and (is_in_use(transaction.connection) or _is_any_kept(data)):
                raise ConfigError("There is data already.", "Restore over it with --force; back it up before.")
            _fill(transaction, folder / _TABLES, manifest.schema)
            _swap(data, folder / _FOLDERS)
    return manifest


def _folder_of(target: Path) -> Path:
    if not target.parent.is_dir():
        raise ConfigError(f"There is no folder {target.parent}.", "Make it, or choose another place.")
    return target.parent


def _dump(transaction: Transaction, folder: Path) -> str:
    version = schema.current(transaction.connection)
    if version is None:
        raise ConfigError("The database is empty: there is nothing to back up.", "See --config.")
    folder.mkdir()
    for name in TABLES:
        with (folder / f"{name}.jsonl").open("wb") as file:
            file.writelines(rows_of(transaction.connection, name))
    return version


def _copy(place: Path, target: Path) -> None:
    """Copy a folder that may be in use: files are replaced whole, and a journal's torn tail is cut when opened."""
    for path in _kept_in(place):
        copy = target / path.relative_to(place)
        copy.parent.mkdir(parents=True, exist_ok=True)
        _copy_file(path, copy)


def _kept_in(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.suffix in _KEPT)


def _copy_file(path: Path, copy: Path) -> None:
    try:
        shutil.copyfile(path, copy)
    except FileNotFoundError:
        copy.unlink(missing_ok=True)  # its day was closed just now, or a newer snapshot took its place


def _unpack(source: Path, folder: Path) -> Manifest:
    if not source.exists():
        raise ConfigError(f"There is no backup {source}.", "Look at its name.")
    try:
        with tarfile.open(source, "r:gz") as archive:
            members = archive.getmembers()
            _check_names(member.name for member in members if member.isfile())
            for member in members:
                if member.isfile():
                    archive.extract(member, folder, filter="data")
        if not (folder / _MANIFEST).is_file():
            raise StateError(
                f"{source} holds no {_MANIFEST}, as every backup does.", "Use a file that `kilowatch backup` wrote."
            )
        manifest = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=Manifest)
    except KilowatchError:
        raise
    except (OSError, EOFError, tarfile.TarError, msgspec.DecodeError) as error:
        raise StateError(f"{source} is not a whole backup: {error}.", "Use another backup.") from error
    if manifest.format > FORMAT:
        raise StateError(f"{source} was made by a newer kilowatch (format {manifest.format}).", "Upgrade kilowatch.")
    schema.refuse_newer(manifest.schema)
    _verify(manifest, folder, source)
    return manifest


def _check_names(names: Iterator[str]) -> None:
    for name in names:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or parts[0] not in (_MANIFEST, _TABLES, _FOLDERS):
            raise StateError(f"The backup holds {name!r}, which no backup does.", "Use another backup.")


def _verify(manifest: Manifest, folder: Path, source: Path) -> None:
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file() or _hash(path) != expected:
            raise StateError(f"{source} is damaged: {name} is not what was saved.", "Use another backup.")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fill(transaction: Transaction, folder: Path, version: str) -> None:
    make_empty(transaction.connection, version)
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as lines:
            fill(transaction.connection, path.stem, lines)
    schema.upgrade(transaction.connection)


def _is_any_kept(data: DataFolder) -> bool:
    return any(_kept_in(place) for place in data.kept)


def _swap(data: DataFolder, folder: Path) -> None:
    """Put the backup's folders in the place of those there, as the last step before the database commits."""
    for place in data.kept:
        for path in _kept_in(place):
            path.unlink()
        if (folder / place.name).is_dir():
            shutil.copytree(folder / place.name, place, dirs_exist_ok=True)
