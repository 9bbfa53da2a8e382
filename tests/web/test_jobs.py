"""Jobs: taken once, carried out, and their end told, however it comes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pytest

from app.actor.stage import NOW_MS
from app.homes import START_MS, fleet, home
from kilowatch.app.actor.switching import Switching
from kilowatch.app.edge.judge import Asking
from kilowatch.app.jobs import JobRunner
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.registry import Registry
from kilowatch.app.rehearsing import Rehearsing, rehearse, reporting
from kilowatch.app.snapshot_files import SnapshotFiles
from kilowatch.app.subject import Subject
from kilowatch.app.words import PeoplesWords
from kilowatch.core.device import ActsBy, DeviceRecord, Kind
from kilowatch.core.jobs import JobFailure, JobKind, JobProgress, RehearseWish, SwitchDone, SwitchWish
from kilowatch.core.learning import LearningPlan
from kilowatch.core.policy import PolicyRules
from kilowatch.core.ports import PlugReading
from kilowatch.core.records import DeviceEdit, Job, JobState
from kilowatch.detectors.registry import create
from kilowatch.errors import ConfigError, PlugError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(DatabaseSettings(f"sqlite:///{tmp_path / 'kilowatch.db'}", survives_power_cut=False))
    database.upgrade()
    yield database
    database.close()


@dataclass
class ToldPlug:
    """A plug that obeys, or does not."""

    obeys: bool = True
    on: bool = True
    told: list[bool] = field(default_factory=list)

    def read(self) -> PlugReading:
        return PlugReading(on=self.on, power_w=100.0 if self.on else 0.0)

    def switch_on(self) -> None:
        self._switch(on=True)

    def switch_off(self) -> None:
        self._switch(on=False)

    def close(self) -> None:
        pass

    def _switch(self, *, on: bool) -> None:
        self.told.append(on)
        self.on = on if self.obeys else self.on


@dataclass
class OnePlug:
    plug: ToldPlug

    def plug_of(self, record: DeviceRecord) -> ToldPlug | None:
        return self.plug if record.plug else None


class NoWait:
    def now_ms(self) -> int:
        return NOW_MS

    def pause(self, seconds: float) -> None:
        pass


@dataclass
class Home:
    """A heater on a plug, and who switches it."""

    database: Database
    plug: ToldPlug = field(default_factory=ToldPlug)
    now_ms: int = NOW_MS

    def __post_init__(self) -> None:
        self.registry = Registry(self.database)
        heater = DeviceRecord(site="home", device="heater", kind=Kind.HEATER, protected=False, plug="sim://1")
        self.registry.meet([heater], NOW_MS)
        self.words = PeoplesWords(self.database, self.registry, lambda: self.now_ms, [JobKind.SWITCH])
        switching = Switching(self.database, OnePlug(self.plug), lambda: self.now_ms, NoWait(), ActsBy.EDGE)
        self.runner = JobRunner(self.database, {JobKind.SWITCH: switching})

    def job(self, number: int) -> Job:
        with self.database.read() as transaction:
            job = transaction.jobs.get(number)
        assert job is not None
        return job

    def audit(self) -> list[str]:
        with self.database.read() as transaction:
            return [entry.what for entry in transaction.audit.last(20)][::-1]


def failure(job: Job) -> str:
    assert job.state is JobState.FAILED
    assert job.result is not None
    return msgspec.json.decode(job.result, type=JobFailure).error


@pytest.mark.parametrize("on", [True, False])
def test_a_wish_to_switch_is_carried_out_and_read_back(database: Database, on: bool) -> None:
    home = Home(database, ToldPlug(on=not on))
    job = home.words.switch("home", "heater", "anna", on=on)
    assert home.runner.turn()
    done = home.job(job)
    assert done.state is JobState.DONE
    assert done.result is not None
    assert msgspec.json.decode(done.result, type=SwitchDone) == SwitchDone(on=on, power_w=100.0 if on else 0.0)
    assert home.plug.told == [on]
    way = "on" if on else "off"
    assert home.audit() == [f"asked_{way}", f"switched_{way}"]
    assert not home.runner.turn()


def test_a_plug_that_does_not_obey_is_told_so(database: Database) -> None:
    home = Home(database, ToldPlug(obeys=False))
    job = home.words.switch("home", "heater", "anna", on=False)
    home.runner.turn()
    assert "still says on" in failure(home.job(job))
    assert home.audit() == ["asked_off", "not_off"]


def test_a_wish_that_comes_too_late_switches_nothing(database: Database) -> None:
    home = Home(database)
    job = home.words.switch("home", "heater", "anna", on=False)
    home.now_ms += 120_001
    home.runner.turn()
    assert "too late" in failure(home.job(job))
    assert home.plug.told == []


def test_protection_counts_at_the_call_and_not_only_at_the_wish(database: Database) -> None:
    home = Home(database)
    job = home.words.switch("home", "heater", "anna", on=False)
    home.words.protect("home", "heater", "ben", protected=True)
    home.runner.turn()
    assert "protected" in failure(home.job(job))
    assert home.plug.told == []
    on = home.words.switch("home", "heater", "anna", on=True)
    home.runner.turn()
    assert home.job(on).state is JobState.DONE


def test_another_sides_switch_is_left_to_it(database: Database) -> None:
    home = Home(database)
    home.registry.edit("home", "heater", DeviceEdit(acts_by=ActsBy.CLOUD), "anna", NOW_MS)
    with pytest.raises(ConfigError, match="belongs to the cloud"):
        home.words.switch("home", "heater", "anna", on=False)


def test_what_nobody_here_carries_out_is_refused_at_once(database: Database) -> None:
    words = PeoplesWords(database, Registry(database), lambda: NOW_MS)
    with pytest.raises(ConfigError, match="Nobody here"):
        words.rehearse(RehearseWish(), "anna")


def test_a_job_that_a_dead_process_left_behind_failed_and_is_not_tried_again(database: Database) -> None:
    home = Home(database)
    job = home.words.switch("home", "heater", "anna", on=False)
    with database.begin() as transaction:
        assert transaction.jobs.take(JobKind.SWITCH) is not None
    home.runner.start()
    home.runner.stop()
    assert "ended before" in failure(home.job(job))
    assert home.plug.told == []


@pytest.mark.postgres
def test_a_job_of_another_living_process_is_left_to_it(empty_database: str) -> None:
    first, second = Database(DatabaseSettings(empty_database)), Database(DatabaseSettings(empty_database))
    first.upgrade()
    home, begun, go_on = Home(first), threading.Event(), threading.Event()

    def slowly(job: Job) -> SwitchDone:
        begun.set()
        assert go_on.wait(30.0)
        return SwitchDone(on=False, power_w=0.0)

    living, starting = JobRunner(first, {JobKind.SWITCH: slowly}), JobRunner(second, {JobKind.SWITCH: slowly})
    job = home.words.switch("home", "heater", "anna", on=False)
    living.start()
    assert begun.wait(30.0)
    starting.start()
    assert home.job(job).state is JobState.RUNNING
    go_on.set()
    living.stop()
    starting.stop()
    assert home.job(job).state is JobState.DONE
    first.close()
    second.close()


@pytest.mark.postgres
def test_a_job_whose_process_died_in_it_failed(empty_database: str) -> None:
    database = Database(DatabaseSettings(empty_database))
    database.upgrade()
    home = Home(database)
    job = home.words.switch("home", "heater", "anna", on=False)
    with database.begin() as transaction, database.holding(job):
        assert transaction.jobs.take(JobKind.SWITCH) is not None
    home.runner.start()
    home.runner.stop()
    assert "ended before" in failure(home.job(job))
    database.close()


def test_the_runner_hears_of_a_job_at_once_and_survives_what_fails(database: Database) -> None:
    def carry_out(job: Job) -> SwitchDone:
        if job.who == "bad":
            raise RuntimeError("a fault of ours")
        if job.who == "worse":
            raise PlugError("It is gone.", "Look.")
        done.set()
        return SwitchDone(on=True, power_w=None)

    done = threading.Event()
    runner = JobRunner(database, {JobKind.SWITCH: carry_out}, look_s=30.0)
    runner.start()
    wish = msgspec.json.encode(SwitchWish(site="s", device="d", on=True, expires_ms=0))
    with database.begin() as transaction:
        numbers = [transaction.jobs.ask(JobKind.SWITCH, wish, who, NOW_MS) for who in ("bad", "worse", "good")]
    runner.wake()
    assert done.wait(10.0)
    runner.stop()
    with database.read() as transaction:
        jobs = [transaction.jobs.get(number) for number in numbers]
    assert [None if job is None else job.state for job in jobs] == [JobState.FAILED, JobState.FAILED, JobState.DONE]
    assert jobs[0] is not None
    assert "inside kilowatch" in failure(jobs[0])


def test_a_switch_does_not_wait_until_a_rehearsal_is_through(database: Database) -> None:
    home, begun, go_on = Home(database), threading.Event(), threading.Event()

    def rehearsing(_: Job) -> JobProgress:
        begun.set()
        assert go_on.wait(30.0)
        return JobProgress(share=1.0)

    switching = Switching(database, OnePlug(home.plug), lambda: NOW_MS, NoWait(), ActsBy.EDGE)
    runner = JobRunner(database, {JobKind.SWITCH: switching, JobKind.REHEARSE: rehearsing}, look_s=0.05)
    words = PeoplesWords(database, home.registry, lambda: NOW_MS, list(JobKind))
    runner.start()
    words.rehearse(RehearseWish(), "anna")
    assert begun.wait(10.0)
    words.switch("home", "heater", "anna", on=False)
    try:
        assert within(10.0, lambda: home.plug.told == [False])
    finally:
        go_on.set()
        runner.stop()


def within(seconds: float, is_so: Callable[[], bool]) -> bool:
    over = time.monotonic() + seconds
    while not is_so() and time.monotonic() < over:
        time.sleep(0.02)
    return is_so()


def test_what_a_person_gave_up_stays_given_up_whatever_comes_of_it(database: Database) -> None:
    home = Home(database)
    words = PeoplesWords(database, home.registry, lambda: NOW_MS, list(JobKind))
    report = reporting(database)
    job = words.rehearse(RehearseWish(), "anna")
    progress = msgspec.json.encode(JobProgress(share=0.4))
    assert not report(job, progress), "nobody has taken it yet"

    def rehearsing(taken: Job) -> JobProgress:
        assert report(taken.id, progress)
        assert home.job(job).result == progress
        words.give_up(job, "ben")
        assert not report(taken.id, msgspec.json.encode(JobProgress(share=0.5)))
        return JobProgress(share=1.0)

    JobRunner(database, {JobKind.REHEARSE: rehearsing}).turn()
    assert failure(home.job(job)) == "ben gave it up."
    with pytest.raises(ConfigError, match="ended already"):
        words.give_up(job, "anna")


def test_what_would_have_happened_is_told_from_the_newest_snapshot(tmp_path: Path) -> None:
    lived, snapshots = home(6.0), tmp_path / "snapshots"
    plan = LearningPlan(learning_days=2.0)
    history = MemoryHistory(keep_ms=plan.horizon_ms)
    asking = Asking(PolicyRules(side=ActsBy.EDGE))
    pipeline = Pipeline(fleet(), create("fleet"), history, PipelineSettings(plan=plan), asking)
    pipeline.step(lived)
    SnapshotFiles(snapshots).write(0, Subject(pipeline, history).save())
    whole = rehearse(snapshots, "fleet", 2.0, RehearseWish())
    assert whole.devices == 3
    assert whole.watched_device_weeks == pytest.approx(3 * 4 / 7, rel=0.35)
    opened_by_rate = [row.incidents for row in whole.sensitivities]
    assert opened_by_rate == sorted(opened_by_rate)
    wish = RehearseWish(days=4.0, site="home", device="meter")
    job = Job(id=1, kind="rehearse", state=JobState.RUNNING, who="x", asked_ms=0, wish=msgspec.json.encode(wish))
    told: list[float] = []

    def report(number: int, progress: bytes) -> bool:
        assert number == 1
        told.append(msgspec.json.decode(progress, type=JobProgress).share)
        return True

    alone = Rehearsing(snapshots, "fleet", 2.0, threading.Event(), report)(job)
    assert told[0] == 0.0
    assert told == sorted(told)
    shares: list[float] = []
    rehearse(snapshots, "fleet", 2.0, wish, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert alone.devices == 1
    assert alone == rehearse(snapshots, "fleet", 2.0, wish)
    assert alone.watched_device_weeks == pytest.approx(2 / 7, rel=0.1)
    with pytest.raises(ConfigError, match="No samples"):
        rehearse(snapshots, "fleet", 2.0, RehearseWish(site="home", device="nobody"))


def test_without_a_snapshot_a_rehearsal_says_what_to_wait_for(tmp_path: Path) -> None:
    job = Job(id=1, kind="rehearse", state=JobState.RUNNING, who="x", asked_ms=START_MS, wish=b"{}")
    with pytest.raises(ConfigError, match="Nothing is saved yet") as caught:
        Rehearsing(tmp_path, "fleet", 2.0, threading.Event())(job)
    assert "quarter of an hour" in caught.value.hint


def test_a_rehearsal_ends_with_the_process_that_asked_for_it(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    job = Job(id=1, kind="rehearse", state=JobState.RUNNING, who="x", asked_ms=START_MS, wish=b"{}")
    with pytest.raises(ConfigError, match="given up"):
        Rehearsing(tmp_path, "fleet", 2.0, stop)(job)
    with pytest.raises(ConfigError, match="given up"):
        Rehearsing(tmp_path, "fleet", 2.0, threading.Event(), lambda *_: False)(job)
