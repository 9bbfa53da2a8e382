"""PostgreSQL as the distribution ships it: durable, with a password, TLS offered, never as root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.certificates import certificates
from supervisor.daemons import Daemon, Launch, StartError, bring_up, call
from supervisor.places import HOST, MissingComponentError, free_port, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USER = "kilowatch"
PASSWORD = "not-a-secret"  # noqa: S105 - of a server on loopback that lives for one test
GUARDED = "guarded"
"""A database of this name lets in only who comes over TLS with a certificate that our authority has signed."""
_PACKAGE = "postgresql"
_WHO_MAY = f"""\
hostssl {GUARDED} all {HOST}/32 scram-sha-256 clientcert=verify-ca
host {GUARDED} all all reject
host all all {HOST}/32 scram-sha-256
"""


@dataclass(slots=True)
class Postgres:
    """A server: its port, its folder, and its process while it runs."""

    folder: Path
    port: int
    bound: bool = True
    daemon: Daemon | None = None

    @property
    def url(self) -> str:
        """The address of its database, as SQLAlchemy reads it."""
        return self.url_of("kilowatch")

    @property
    def bare_url(self) -> str:
        """The same without the password, as the settings want it."""
        return self.url.replace(f":{PASSWORD}@", "@")

    def url_of(self, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql+psycopg://{USER}:{PASSWORD}@{HOST}:{self.port}/{database}"

    @property
    def authority(self) -> Path:
        """The certificate that its TLS is signed by."""
        return self.folder / "tls" / "ca.pem"

    def start(self) -> None:
        """Start it, or start it again with what it has kept."""
        command = [_program("postgres"), "-D", str(self.folder / "data")]
        launch = Launch("postgres", command, self.folder, user=_servant(), bound=self.bound)
        probe = [_program("pg_isready"), "-q", "-h", HOST, "-p", str(self.port)]
        self.daemon = _brought_up(launch, lambda: subprocess.run(probe, check=False).returncode == 0)

    def kill(self) -> None:
        """End it and its workers at once, as a power cut would."""
        if self.daemon is not None:
            self.daemon.kill()

    def stop(self) -> None:
        """Close its connections and end it in order."""
        if self.daemon is not None:
            self.daemon.stop(number=signal.SIGINT)

    def create(self, database: str) -> str:
        """Make an empty database and return its address."""
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        command = [_program("createdb"), "-h", HOST, "-p", str(self.port), "-U", USER, database]
        call(command, self.folder, env=environment)
        return self.url_of(database)


def up(folder: Path, port: int | None = None, *, bound: bool = True) -> Postgres:
    """Start a server with its data in a folder; a new one gets an empty database `kilowatch`."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Postgres(folder, port or free_port(), bound)
    is_new = not (folder / "data" / "PG_VERSION").exists()
    if is_new:
        _initialise(folder)
    _configure(server)
    server.start()
    if is_new:
        server.create("kilowatch")
    return server


@contextmanager
def running(folder: Path) -> Iterator[Postgres]:
    """Give a server that runs for as long as the block does."""
    server = up(folder)
    try:
        yield server
    finally:
        server.stop()


def _initialise(folder: Path) -> None:
    (folder / "password").write_text(PASSWORD)
    certificates(folder / "tls")
    _hand_over(folder)
    command = [_program("initdb"), "-D", str(folder / "data"), "-U", USER, "--pwfile", str(folder / "password")]
    call([*command, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"], folder, _servant())


def _configure(server: Postgres) -> None:
    tls = server.folder / "tls"
    lines = [
        f"port = {server.port}",
        f"listen_addresses = '{HOST}'",
        f"unix_socket_directories = '{server.folder}'",
        "ssl = on",
        f"ssl_cert_file = '{tls}/server.pem'",
        f"ssl_key_file = '{tls}/server.key'",
        f"ssl_ca_file = '{tls}/ca.pem'",
        f"hba_file = '{server.folder}/hba.conf'",
        "fsync = on",
    ]
    (server.folder / "data" / "postgresql.auto.conf").write_text("\n".join(lines) + "\n")
    (server.folder / "hba.conf").write_text(_WHO_MAY)
    _hand_over(server.folder)


def _servant() -> str | None:
    """The account that runs the server where we are root, which it refuses to be."""
    return "postgres" if os.geteuid() == 0 else None


def _hand_over(folder: Path) -> None:
    """Give a folder to the account that runs the server, which must be able to reach it."""
    user = _servant()
    if user is None:
        return
    closed = [parent for parent in folder.parents if not parent.stat().st_mode & 0o001]
    if closed:
        raise MissingComponentError(f"PostgreSQL cannot run as root, and {user} cannot reach {closed[0]}: use --dir")
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, user, user)


def _program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return program(name, _PACKAGE, str(found[-1]) if found else "")


def _brought_up(launch: Launch, is_ready: Callable[[], bool], tries: int = 30) -> Daemon:
    """Start it as whoever restarts services does: again where workers of one that was killed still hold its memory."""
    try:
        return bring_up(launch, is_ready)
    except StartError as error:
        if not tries or "shared memory block" not in str(error):
            raise
    time.sleep(1.0)
    return _brought_up(launch, is_ready, tries - 1)
