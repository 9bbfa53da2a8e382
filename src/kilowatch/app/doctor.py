"""Looks at everything that the settings name, changes nothing, and says what to do about what it finds."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

from kilowatch.app.plug_book import PlugBook
from kilowatch.app.stores import data_folder, database_settings
from kilowatch.core.device import Stage
from kilowatch.core.explain import watts
from kilowatch.core.outputs_live import Check, Mark
from kilowatch.detectors.registry import create
from kilowatch.errors import KilowatchError
from kilowatch.links.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kilowatch.config.load import Loaded
    from kilowatch.config.sections import Config
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.records import KnownDevice

_DAY_MS = 86_400_000
_FEW_DAYS = 3.0
_AHEAD_MS = 60_000
_LITTLE_BYTES, _TOO_LITTLE_BYTES = 1_000_000_000, 100_000_000
_REACH_S = 3.0


def checks(loaded: Loaded, now_ms: int) -> Iterator[Check]:
    """Yield what there is to say, most basic first. now_ms: the wall clock."""
    config = loaded.config
    named = "no file, so defaults and the environment" if loaded.file is None else str(loaded.file)
    yield Check(name="settings", mark=Mark.OK, found=named)
    yield from _detector(config)
    yield from _disk(data_folder(config).root)
    known: list[KnownDevice] = []
    yield from _database(config, now_ms, known)
    yield from _brokers(loaded)
    yield from _files(config, now_ms)
    records = {one.record.device: one.record for one in known}
    for device in _named(config):
        records.setdefault(device.device, device)
    yield from _sources(config, list(records.values()))
    yield from _plugs(config, list(records.values()))
    yield from _learning(config, known, now_ms)
    yield _armed(config, [one.record for one in known])


def _detector(config: Config) -> Iterator[Check]:
    try:
        create(config.detector.name)
    except KilowatchError as error:
        yield _failed("detector", error)
        return
    yield Check(name="detector", mark=Mark.OK, found=config.detector.name)
    days = config.detector.learning_days
    if days < _FEW_DAYS:
        # What a threshold is set on must not have been learnt from, and the days of a fold are fewer still.
        found = f"{days:g} days: methods that need two days of their own stay silent"
        yield Check(name="learning time", mark=Mark.WARN, found=found, fix="Set detector.learning_days to 3 or more.")


def _sources(config: Config, records: list[DeviceRecord]) -> Iterator[Check]:
    chosen = config.sources
    polled = chosen.poll.enabled and any(record.plug is not None for record in records)
    if not (chosen.mqtt or chosen.push.enabled or chosen.files or chosen.sim.enabled or polled):
        fix = "Add [sources.mqtt.NAME] or a device with a plug, or without either [sources.sim]: docs/sources.md."
        yield Check(name="sources", mark=Mark.WARN, found="none, and kilowatch run wants one", fix=fix)


def _disk(folder: Path) -> Iterator[Check]:
    place = folder
    # A folder that is made on the first start is not made here: its nearest parent answers for it.
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        # Tried for real: rights, read-only mounts and a disk without room all show by it.
        probe = place / ".kilowatch-doctor"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        fix = "Choose another with data.folder, or let this user write there."
        yield Check(name="data folder", mark=Mark.FAIL, found=f"{folder}: {error.strerror}", fix=fix)
        return
    made = "" if folder.exists() else ", made on the first start"
    yield Check(name="data folder", mark=Mark.OK, found=f"{folder}{made}")
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free"
    if free < _LITTLE_BYTES:
        mark = Mark.FAIL if free < _TOO_LITTLE_BYTES else Mark.WARN
        yield Check(name="disk", mark=mark, found=found, fix="Make room: a dozen plugs write some MB a day.")
        return
    yield Check(name="disk", mark=Mark.OK, found=found)


def _database(config: Config, now_ms: int, known: list[KnownDevice]) -> Iterator[Check]:
    if not config.database.url and not data_folder(config).database.exists():
        yield Check(name="database", mark=Mark.OK, found="none yet, made on the first start")
        return
    database = Database(database_settings(config))
    try:
        database.check()
        with database.read() as transaction:
            known += transaction.devices.all()
            # Nothing begins in the future, unless some clock was ahead when it was written.
            audit, incidents = transaction.audit.last(1), transaction.incidents.between(now_ms + _AHEAD_MS, 2**62)
    except KilowatchError as error:
        yield _failed("database", error)
        return
    finally:
        database.close()
    yield Check(name="database", mark=Mark.OK, found=f"{len(known)} devices known")
    newest_ms = max([entry.ts_ms for entry in audit] + [one.event.first_ms for one in incidents], default=0)
    if newest_ms > now_ms + _AHEAD_MS:
        ahead_s = (newest_ms - now_ms) / 1000
        fix = "Set this machine's clock (timedatectl set-ntp true), then look at the devices' own."
        yield Check(name="clock", mark=Mark.WARN, found=f"the newest record lies {ahead_s:.0f} s ahead", fix=fix)
    else:
        yield Check(name="clock", mark=Mark.OK, found="not behind anything that was recorded")


def _brokers(loaded: Loaded) -> Iterator[Check]:
    config = loaded.config
    for label, broker in config.sources.mqtt.items():
        from kilowatch.links.mqtt.visit import visit

        name, where = f"broker {label}", f"{broker.host}:{broker.port}"
        try:
            problem = visit(broker, config.site).problem
        except KilowatchError as error:
            yield _failed(name, error)
            continue
        if problem:
            fix = f"Is it running, and are host, port and login of sources.mqtt.{label} right?"
            yield Check(name=name, mark=Mark.FAIL, found=f"{where}: {problem}", fix=fix)
        else:
            yield Check(name=name, mark=Mark.OK, found=f"{where} lets us in")
    # The settings always name a broker; only who wrote it down has one.
    if loaded.origin(("kafka", "bootstrap")) != "default":
        yield _kafka(config)


def _files(config: Config, now_ms: int) -> Iterator[Check]:
    for label, files in config.sources.files.items():
        from kilowatch.links.follow.candidates import candidates

        name, setting = f"files {label}", f"sources.files.{label}.path"
        try:
            found = candidates(files.path)
        except OSError as error:
            said = f"{files.path}: {error.strerror or error}"
            yield Check(name=name, mark=Mark.FAIL, found=said, fix=f"Is {setting} right, and may this account read it?")
            continue
        if not found:
            fix = f"Nothing is read until a logger begins; {setting} says where it is looked for."
            yield Check(name=name, mark=Mark.WARN, found=f"{files.path}: no file yet", fix=fix)
            continue
        newest_s = (now_ms - max(file.changed_ns for file in found) // 1_000_000) / 1000
        many = "1 file" if len(found) == 1 else f"{len(found)} files"
        yield Check(name=name, mark=Mark.OK, found=f"{many}, the newest written {newest_s:.0f} s ago")


def _kafka(config: Config) -> Check:
    for address in config.kafka.bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            # One that answers is enough: a client learns of the others from it.
            socket.create_connection((host, int(port)), _REACH_S).close()
        except (OSError, ValueError):
            continue
        return Check(name="kafka", mark=Mark.OK, found=f"{address} answers")
    fix = "Is a broker running there? kafka.bootstrap says where to look."
    return Check(name="kafka", mark=Mark.FAIL, found=f"{config.kafka.bootstrap}: no answer", fix=fix)


def _named(config: Config) -> list[DeviceRecord]:
    from kilowatch.config.devices import device_records

    return device_records(config)


def _plugs(config: Config, records: list[DeviceRecord]) -> Iterator[Check]:
    book = PlugBook(config)
    try:
        for record in records:
            if record.plug is not None:
                yield _plug(book, record)
    finally:
        book.close()


def _plug(book: PlugBook, record: DeviceRecord) -> Check:
    name = f"plug {record.device}"
    try:
        plug = book.plug_of(record)
        said = None if plug is None else plug.read()
    except KilowatchError as error:
        return _failed(name, error)
    if said is None or said.power_w is None:
        return Check(
            name=name,
            mark=Mark.WARN,
            found="answers, and has no meter",
            fix="An off can be read back by its relay alone; choose a plug with a meter.",
        )
    return Check(name=name, mark=Mark.OK, found=f"{'on' if said.on else 'off'}, {watts(said.power_w)}")


def _learning(config: Config, known: list[KnownDevice], now_ms: int) -> Iterator[Check]:
    learning = [one for one in known if one.record.stage is Stage.LEARNING]
    for one in learning:
        days = (now_ms - one.first_ms) / _DAY_MS
        share = min(0.99, max(0.0, days / config.detector.learning_days))
        left = max(0.0, config.detector.learning_days - days)
        yield Check(
            name=f"learning {one.record.device}",
            mark=Mark.OK,
            found=f"{share:.0%} of {config.detector.learning_days:g} days, about {left:.1f} to go; not armed meanwhile",
        )


def _armed(config: Config, records: list[DeviceRecord]) -> Check:
    armed = [record.device for record in records if record.stage is Stage.ARMED and not record.protected]
    if config.policy.dry_run:
        found = f"a dry run: nothing is switched; armed: {', '.join(armed) or 'nothing'}"
    else:
        found = f"may be switched off: {', '.join(armed) or 'nothing, no device is armed'}"
    return Check(name="switching", mark=Mark.OK, found=found)


def _failed(name: str, error: KilowatchError) -> Check:
    return Check(name=name, mark=Mark.FAIL, found=str(error), fix=error.hint)
