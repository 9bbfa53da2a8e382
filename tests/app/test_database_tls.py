"""TLS to PostgreSQL as a person sets it: from the settings to a server that demands our own certificate."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from supervisor.certificates import certificates, client_certificate
from supervisor.postgres import GUARDED, PASSWORD, USER

from kilowatch.app.stores import database_settings
from kilowatch.config import load_config
from kilowatch.config.database import TlsMode
from kilowatch.errors import ComponentError, ConfigError
from kilowatch.links.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.certificates import Certificates
    from supervisor.postgres import Postgres

VERIFIED = "SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def guarded_port(postgres_server: Postgres) -> int:
    """The port of a server with a database into which nobody comes without a certificate."""
    postgres_server.create(GUARDED)
    return postgres_server.port


@pytest.fixture
def ours(postgres_server: Postgres, tmp_path: Path) -> Certificates:
    return client_certificate(postgres_server.authority, USER, tmp_path)


def opened(folder: Path, port: int, lines: str) -> Database:
    """Return the database of settings that stand in a file of a folder, next to the certificates."""
    file = folder / "kilowatch.toml"
    file.write_text(f'[database]\nurl = "postgresql://{USER}@127.0.0.1:{port}/{GUARDED}"\n{lines}')
    return Database(database_settings(load_config(file, {"KILOWATCH_DATABASE__PASSWORD": PASSWORD}).config))


@pytest.mark.postgres
def test_settings_lead_to_a_verified_connection_with_our_own_certificate(
    guarded_port: int, ours: Certificates, tmp_path: Path
) -> None:
    lines = (
        f'sslmode = "verify-full"\nca_file = "{ours.authority}"\ncert_file = "client.pem"\nkey_file = "client.key"\n'
    )
    with closing(opened(tmp_path, guarded_port, lines)) as database:
        database.upgrade()
        with database.read() as books:
            assert tuple(books.connection.execute(text(VERIFIED)).one()) == (True, f"/CN={USER}")
            assert books.devices.all() == []


@pytest.mark.postgres
def test_without_a_certificate_without_tls_and_before_a_stranger_there_is_no_connection(
    guarded_port: int, ours: Certificates, tmp_path: Path
) -> None:
    own = 'cert_file = "client.pem"\nkey_file = "client.key"\n'
    stranger = certificates(tmp_path / "stranger").authority
    tried = {
        f'sslmode = "verify-full"\nca_file = "{ours.authority}"\n': "valid client certificate",
        'sslmode = "disable"\n': "no encryption",
        f'sslmode = "verify-full"\nca_file = "{stranger}"\n{own}': "certificate verify failed",
        f'sslmode = "verify-ca"\n{own}': "root certificate file",
    }
    for lines, said in tried.items():
        with closing(opened(tmp_path, guarded_port, lines)) as database:
            with pytest.raises(ComponentError, match=said) as refused:
                database.check()
            assert PASSWORD not in f"{refused.value} {refused.value.hint}"


def test_the_settings_of_tls_are_those_of_libpq(tmp_path: Path) -> None:
    config = load_config(None, {"KILOWATCH_DATABASE__SSLMODE": "verify-ca"}).config
    assert config.database.sslmode is TlsMode.VERIFY_CA
    with pytest.raises(ConfigError, match="sslmode"):
        load_config(None, {"KILOWATCH_DATABASE__SSLMODE": "perhaps"})
