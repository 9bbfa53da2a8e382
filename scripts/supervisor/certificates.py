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
    """PEM files: the authority that the other side trusts, and a certificate with its key."""

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
        call([*_fresh("kilowatch test CA"), "-keyout", "ca.key", "-out", "ca.pem"], folder)
        signed = _signed_by(made.authority)
        call([*_fresh("localhost"), *signed, "-addext", _NAMES, "-keyout", "server.key", "-out", "server.pem"], folder)
    return made


def client_certificate(authority: Path, name: str, folder: Path) -> Certificates:
    """Make a certificate in the name of a client, signed by an authority whose key lies beside it."""
    made = Certificates(authority, folder / "client.pem", folder / "client.key")
    call([*_fresh(name), *_signed_by(authority), "-keyout", str(made.key), "-out", str(made.certificate)], folder)
    made.key.chmod(0o600)
    return made


def _fresh(name: str) -> list[str]:
    openssl = program("openssl", "openssl")
    return [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]


def _signed_by(authority: Path) -> list[str]:
    files = ["-CA", str(authority), "-CAkey", str(authority.with_suffix(".key"))]
    return [*files, "-addext", "basicConstraints=critical,CA:FALSE"]
