"""One run under load: broker, snapshots, detector processes, readings, and what the outside saw of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from kilowatch.errors import ComponentError
from kilowatch.lab.bench.pipeline.meters import Meters
from kilowatch.lab.bench.pipeline.preload import preload
from kilowatch.lab.bench.pipeline.process_cost import Cost, cost_of
from kilowatch.lab.bench.pipeline.producer import Flow, ProducerPlan
from kilowatch.lab.bench.pipeline.watching import Outcomes, Progress, Sample, latencies_ms
from kilowatch.lab.bench.pipeline.worker import Tally, WorkerPlan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from kilowatch.lab.bench.pipeline.broker import Broker

# Every number of processes that a section starts divides it: one, two, four and twelve.
PARTITIONS = 12
READY_S = 600.0
DRAIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Load:
    """What a run is put under. warm_s: readings come for so long before anything is counted."""

    devices: int
    rate: float
    seconds: float
    workers: int = 2
    warm_s: float = 90.0
    active_s: float | None = None
    odd: float = 0.001
    odd_from: float = 0.0
    odd_until: float = 1.0
    quick: bool = False
    poll_s: float = 0.05
    poll_most_s: float = 0.1
    most: int = 30_000
    snapshot_s: float = 120.0
    detector: str = "fleet"
    linger_ms: int = 25
    profile: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run brought, over the `seconds` that were counted; cpu_s by process.

    start_s: until the detectors held all partitions · drained_s: from the last reading until none waited · lost:
    readings that were sent and never judged.
    """

    load: Load
    seconds: float
    readings: int
    flow: Flow
    samples: list[Sample]
    latency_ms: NDArray[np.int64]
    cpu_s: dict[str, float]
    memory: list[Cost]
    tallies: list[Tally]
    start_s: float
    drained_s: float
    lost: int = 0


@dataclass
class Stage:
    """A broker with snapshots, and the processes on it."""

    broker: Broker
    load: Load
    say: Callable[[str], None]
    group: str = "bench-detector"
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def preload(self) -> None:
        """Write the snapshots."""
        meters = Meters(self.load.devices, PARTITIONS)
        preload(self.broker.bootstrap, self.group, meters, self.load.detector, self.say)

    def start_worker(self) -> None:
        """Start one more detector process."""
        load, name = self.load, f"worker-{len(self.workers)}"
        plan = WorkerPlan(
            bootstrap=self.broker.bootstrap,
            group=self.group,
            name=name,
            folder=str(self.broker.folder),
            partitions=PARTITIONS,
            detector=load.detector,
            snapshot_s=load.snapshot_s,
            poll_s=load.poll_s,
            poll_most_s=load.poll_most_s,
            most=load.most,
            quick=load.quick,
            profile=load.profile,
        )
        with (self.broker.folder / f"{name}.log").open("wb") as log:
            self.workers.append(_process("worker", plan, stdout=log, stderr=subprocess.STDOUT))

    def tally(self, number: int) -> Tally:
        """Return what a worker last said."""
        path = self.broker.folder / f"worker-{number}.json"
        return msgspec.json.decode(path.read_bytes(), type=Tally) if path.exists() else Tally()

    def await_workers(self) -> None:
        """Wait until every partition is held, and every process holds its share."""
        # Each one's share, not the sum: whoever joins first holds all partitions until the others are there.
        deadline, share = time.monotonic() + READY_S, PARTITIONS // len(self.workers)
        while not all(self.tally(number).held == share for number in range(len(self.workers))):
            self.check()
            if time.monotonic() > deadline:
                raise ComponentError("The detectors have not taken all partitions over.", "Look at their logs.")
            time.sleep(0.1)

    def check(self) -> None:
        """Raise `ComponentError` where a worker has died."""
        for number, worker in enumerate(self.workers):
            # Killed is what the take-over does to one on purpose; any other end is a crash.
            if worker.poll() not in {None, -signal.SIGKILL}:
                said = (self.broker.folder / f"worker-{number}.log").read_text(errors="replace")[-3000:]
                raise ComponentError(f"A detector of the benchmark died:\n{said}", "Run it again with --profile.")

    def stop(self) -> None:
        """End the workers."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.terminate()
        for worker in self.workers:
            try:
                worker.wait(60.0)
            except subprocess.TimeoutExpired:
                worker.kill()


def start_producer(plan: ProducerPlan, folder: Path) -> subprocess.Popen[bytes]:
    """Start a producer and wait until its messages are made; it begins when told a line."""
    with (folder / "producer.log").open("wb") as log:
        process = _process("producer", plan, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    if process.stdout is None or not process.stdout.readline():
        raise ComponentError("The producer of the benchmark died.", (folder / "producer.log").read_text()[-2000:])
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and close what joins it to us."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            # To close is to flush, and a process that has ended reads nothing.
            with suppress(BrokenPipeError):
                pipe.close()


def begin(producer: subprocess.Popen[bytes]) -> None:
    """Tell a producer to begin."""
    if producer.stdin is not None:
        producer.stdin.write(b"go\n")
        producer.stdin.flush()


def measure(
    broker: Broker, load: Load, say: Callable[[str], None], during: Callable[[Stage], None] | None = None
) -> Measured:
    """Put detectors under a load and return what came of it; during: called once the counting begins."""
    stage = Stage(broker, load, say)
    with ExitStack() as stack:
        # Before anything is started: whatever fails from here on leaves no process behind.
        stack.callback(stage.stop)
        stage.preload()
        producer, start_s = _taken_over(stage, stack)
        # Before the first reading: an event counts as told when this reader gets it.
        outcomes = stack.enter_context(closing(Outcomes(broker.bootstrap, PARTITIONS)))
        progress = stack.enter_context(closing(Progress(broker.bootstrap, stage.group, PARTITIONS)))
        say(f"{load.rate:,.0f} readings a second")
        begin(producer)
        time.sleep(load.warm_s)
        span = _counted(stage, producer, progress, during)
        if producer.wait(load.seconds * 5 + 120):
            raise ComponentError("The producer of the benchmark failed.", "Keep its log with --keep FOLDER.")
        drained = _drain(progress, stage)
        # An offset and its last events are committed as one; their reader gets them a moment later.
        time.sleep(0.5)
        flow, counted = _told_by_producer(broker, span)
        return Measured(
            load=load,
            seconds=span.last.at_s - span.first.at_s,
            readings=span.last.done - span.first.done,
            flow=flow,
            samples=span.samples_of(progress),
            latency_ms=latencies_ms(counted, outcomes.seen),
            cpu_s=span.cpu_s,
            memory=span.memory,
            tallies=[stage.tally(number) for number in range(len(stage.workers))],
            start_s=start_s,
            drained_s=drained,
            lost=flow.sent - progress.now().done,
        )


@dataclass(frozen=True, slots=True)
class _Span:
    """The time that is counted: offsets at its two ends, and what the processes took in between."""

    first: Sample
    last: Sample
    cpu_s: dict[str, float]
    memory: list[Cost]

    def samples_of(self, progress: Progress) -> list[Sample]:
        inner = [one for one in progress.samples if self.first.at_s <= one.at_s <= self.last.at_s]
        return [self.first, *inner, self.last]


def _taken_over(stage: Stage, stack: ExitStack) -> tuple[subprocess.Popen[bytes], float]:
    """Start all processes; return the producer, not begun, and how long the detectors took to hold all partitions."""
    started = time.monotonic()
    for _ in range(stage.load.workers):
        stage.say("detectors take over")
        stage.start_worker()
    # Before the wait: it makes its messages while the detectors take over.
    producer = start_producer(_producer_plan(stage.broker, stage.load), stage.broker.folder)
    stack.callback(_end, producer)
    stage.await_workers()
    return producer, time.monotonic() - started


def _counted(
    stage: Stage, producer: subprocess.Popen[bytes], progress: Progress, during: Callable[[Stage], None] | None
) -> _Span:
    """Let the load run for its seconds and return what it took."""
    # Named before `during`: workers that it starts have no first figure to subtract.
    pids = {f"worker_{n}": worker.pid for n, worker in enumerate(stage.workers)}
    pids |= {"producer": producer.pid, "broker": stage.broker.pid}
    before, first = {name: cost_of(pid).cpu_s for name, pid in pids.items()}, progress.now()
    if during is not None:
        during(stage)
    _sleep_until(first.at_s + stage.load.seconds, stage)
    memory = [cost_of(worker.pid) for worker in stage.workers]
    after, last = {name: cost_of(pid).cpu_s for name, pid in pids.items()}, progress.now()
    # Of a process that was killed the kernel tells nothing afterwards.
    return _Span(first, last, {name: max(0.0, after[name] - before[name]) for name in pids}, memory)


def _told_by_producer(broker: Broker, span: _Span) -> tuple[Flow, list[tuple[str, int, int]]]:
    """Return how its messages flowed, and those that the broker appended after the counting began."""
    flow = msgspec.json.decode((broker.folder / "flow.json").read_bytes(), type=Flow)
    appended = msgspec.json.decode((broker.folder / "appended.json").read_bytes(), type=list[tuple[str, int, int]])
    return flow, [one for one in appended if one[2] >= span.first.at_s * 1000]


def _producer_plan(broker: Broker, load: Load) -> ProducerPlan:
    return ProducerPlan(
        bootstrap=broker.bootstrap,
        folder=str(broker.folder),
        devices=load.devices,
        partitions=PARTITIONS,
        rate=load.rate,
        steps=(load.warm_s + load.seconds) * load.rate / load.devices,
        active_s=load.active_s,
        odd=load.odd,
        odd_from=load.odd_from,
        odd_until=load.odd_until,
        linger_ms=load.linger_ms,
    )


def _sleep_until(until_s: float, stage: Stage) -> None:
    while time.time() < until_s:
        stage.check()
        time.sleep(min(0.2, max(0.0, until_s - time.time())))


def _drain(progress: Progress, stage: Stage) -> float:
    """Wait until everything is done with, and return for how long."""
    began = time.monotonic()
    while progress.now().lag > 0 and time.monotonic() - began < DRAIN_S:
        stage.check()
        time.sleep(0.1)
    return time.monotonic() - began


def _process(name: str, plan: msgspec.Struct, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"kilowatch.lab.bench.pipeline.{name}", msgspec.json.encode(plan).decode()]
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=os.environ | threads, **options)  # noqa: S603 - our own modules
