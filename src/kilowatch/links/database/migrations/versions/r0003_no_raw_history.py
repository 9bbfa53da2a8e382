"""Single samples are kept by an edge alone, in files: the table that was made for them was never written."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the table."""
    op.drop_table("history_raw")
