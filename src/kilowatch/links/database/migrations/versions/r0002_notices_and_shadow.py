"""Messages to people, and what models in shadow made of things."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NAME = sa.String(128)


def upgrade() -> None:
    """Add the tables."""
    _notices()
    _shadow()


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("channel", sa.String(32), primary_key=True),
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("phase", sa.String(16), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("sent_ms", sa.BigInteger),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("notices_due", "notices", ["state", "channel", "due_ms"])


def _shadow() -> None:
    op.create_table(
        "shadow_counts",
        sa.Column("site", _NAME, primary_key=True),
        sa.Column("device", _NAME, primary_key=True),
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("live", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("first_ms", sa.BigInteger, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("samples", sa.BigInteger, nullable=False),
        *_verdicts(),
    )
    op.create_table(
        "shadow_spans",
        sa.Column("site", _NAME, primary_key=True),
        sa.Column("device", _NAME, primary_key=True),
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("from_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("live", sa.String(64), nullable=False),
        sa.Column("to_ms", sa.BigInteger, nullable=False),
        *_verdicts(),
        sa.Column("live_peak", sa.Double, nullable=False),
        sa.Column("shadow_peak", sa.Double, nullable=False),
    )
    op.create_index("shadow_spans_time", "shadow_spans", ["from_ms"])


def _verdicts() -> list[sa.Column[int]]:
    names = ("agreed_odd", "live_alone", "shadow_alone")
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]
