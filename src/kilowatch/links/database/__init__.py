"""The database: SQLite for one process, PostgreSQL for services, behind one layer that speaks in structs."""

from kilowatch.links.database.database import Database, Transaction
from kilowatch.links.database.engine import DatabaseSettings, TlsOptions

__all__ = ["Database", "DatabaseSettings", "TlsOptions", "Transaction"]
