"""Decisions of the model and of people on the scans of the application, and what its list filters and sorts by."""

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Add the columns, which the next start of a server fills from the results, and the table of decisions."""
    for column in (
        sa.Column("decision", sa.String),
        sa.Column("summary", sa.String),
        sa.Column("rule", sa.String),
        sa.Column("teaches", sa.Double),
        sa.Column("human", sa.String),
        sa.Column("urgent", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("header", sa.String),
    ):
        op.add_column("scan", column)
    for name in ("decision", "human"):
        op.create_index(f"ix_scan_{name}", "scan", [name])
    op.create_table(
        "scan_decision",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("scan_id", sa.Integer, sa.ForeignKey("scan.id", ondelete="CASCADE"), nullable=False),
        sa.Column("save_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("decision", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("decided_at", sa.String, nullable=False),
        sa.Column("model_decision", sa.String),
        sa.Column("model_probability", sa.Double),
        sa.UniqueConstraint("scan_id", "save_id"),
        sa.UniqueConstraint("scan_id", "version"),
    )
