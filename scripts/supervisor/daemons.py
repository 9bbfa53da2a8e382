"""Processes in the background: each in a group of its own, with a log, ended by process id and never by name."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.places import MissingComponentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_POLL_S = 0.05
_LOG_TAIL = 2000


class StartError(Exception):
    """A component did not come up; the message ends with the end of its log."""


@dataclass(slots=True)
class Daemon:
    """One process that runs in the background.

    began: its start time as the kernel counts, so that another process under the same id is never taken for it.
    """

    name: str
    pid: int
    began: int
    log: str
    child: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        if self.child is not None:
            return self.child.poll() is None
        return _began(self.pid) == self.began != 0

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process and to those it has started."""
        if self.is_alive:
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.send(signal.SIGKILL)
        self._wait(10.0)

    def stop(self, grace_s: float = 15.0, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and make it after `grace_s`."""
        self.send(number)
        if not self._wait(grace_s):
            self.kill()

    def _wait(self, timeout_s: float) -> bool:
        return wait_for(lambda: not self.is_alive, timeout_s)


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a process.

    user: whose rights it gets where we are root. bound: it ends with the process that started it.
    """

    name: str
    command: Sequence[str]
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    bound: bool = False


def start(launch: Launch) -> Daemon:
    """Start a process with its output in `folder/NAME.log`."""
    log = launch.folder / f"{launch.name}.log"
    command = [*_tie(bound=launch.bound), *launch.command]
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=launch.folder,
            env={**os.environ, **launch.env},
            user=launch.user,
            group=launch.user,
            extra_groups=None if launch.user is None else [],
            start_new_session=True,
        )
    return Daemon(launch.name, child.pid, _began(child.pid), str(log), child)


def bring_up(launch: Launch, is_ready: Callable[[], bool], timeout_s: float = 180.0) -> Daemon:
    """Start a process and wait until it is ready; `StartError` where it ends before or takes too long."""
    daemon = start(launch)
    await_ready(daemon, is_ready, timeout_s)
    return daemon


def await_ready(daemon: Daemon, is_ready: Callable[[], bool], timeout_s: float = 180.0) -> None:
    """Wait until a process is ready; `StartError` where it ends before, or is made to because it takes too long."""
    wait_for(lambda: is_ready() or not daemon.is_alive, timeout_s)
    if not (daemon.is_alive and is_ready()):
        daemon.kill()
        said = Path(daemon.log).read_text(errors="replace")[-_LOG_TAIL:]
        raise StartError(f"{daemon.name} did not come up:\n{said}")


def wait_for(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Return whether a condition came true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def call(command: Sequence[str], folder: Path, user: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed; `StartError` where it fails."""
    done = subprocess.run(
        command, cwd=folder, user=user, group=user, env=env, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        raise StartError(f"{command[0]} failed: {done.stdout[-_LOG_TAIL:]}{done.stderr[-_LOG_TAIL:]}")
    return done.stdout


@contextmanager
def ending(daemons: Sequence[Daemon]) -> Iterator[None]:
    """Stop daemons in the end, whatever happens, the last one first."""
    try:
        yield
    finally:
        for daemon in reversed(daemons):
            daemon.stop()


def _tie(*, bound: bool) -> list[str]:
    setpriv = shutil.which("setpriv") if bound else None
    return [] if setpriv is None else [setpriv, "--pdeathsig", "KILL", "--"]


def _began(pid: int) -> int:
    """Return when a process began, in ticks since boot; 0 where none of its threads is left."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return 0
    return 0 if words[0] == "Z" and threads <= 1 else int(words[19])


def check_linux() -> None:
    """Refuse where there is no /proc to tell processes apart by."""
    if not Path("/proc/self/stat").exists():
        raise MissingComponentError("The components are supervised through /proc: use Linux.")
