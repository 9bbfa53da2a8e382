"""Certificates for tests: an authority of our own, and one certificate for loopback signed by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.daemons import call
from supervisor.places import program

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: the authority that clients trust, and the server's certificate and key."""

    authority: Path
    certificate: Path
    key: Path

    def keystore(self) -> Path:
        """Return one file with key and certificate, as Kafka wants them."""
        path = self.key.with_name("keystore.pem")
        path.write_text(self.key.read_text() + self.certificate.read_text())
        return path


def certificates(folder: Path) -> Certificates:
    """Make certificates for localhost in a folder, valid for two days; those that stand there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    if not made.certificate.exists():
        openssl = program("openssl", "openssl")
        fresh = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        call([*fresh, "-subj", "/CN=kilowatch test CA", "-keyout", "ca.key", "-out", "ca.pem"], folder)
        signed = [
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-addext",
            _NAMES,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ]
        call([*fresh, "-subj", "/CN=localhost", *signed, "-keyout", "server.key", "-out", "server.pem"], folder)
    return made
