"""People with roles, the audit log, and who waits for each scan, and since when."""

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"

#: What refuses to change or delete an entry of the audit log, for each kind of database.
_APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER audit_entry_no_{change} BEFORE {change} ON audit_entry "
        "BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER audit_entry_no_{change} BEFORE {change} ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()"
    ),
}
_REFUSE = """CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$"""


def upgrade() -> None:
    """Add the tables of people and of the audit log, and the columns of the queue."""
    op.create_table(
        "person",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("token_sha256", sa.String, nullable=False, unique=True),
        sa.Column("added_at", sa.String, nullable=False),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("scan_id", sa.Integer),
        sa.Column("scan_name", sa.String, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
    )
    for name in ("at", "person", "scan_id"):
        op.create_index(f"ix_audit_entry_{name}", "audit_entry", [name])
    _make_append_only()
    if op.get_bind().dialect.name == "postgresql":  # where an integer has 32 bits
        op.alter_column("study", "seed", type_=sa.BigInteger)
    op.add_column("scan", sa.Column("queued_by", sa.String, nullable=False, server_default="owner"))
    op.add_column("scan", sa.Column("queued_at", sa.Double))
    op.create_index("ix_scan_queue", "scan", ["state", "urgent", "queued_by", "id"])


def _make_append_only() -> None:
    kind = op.get_bind().dialect.name
    if kind == "postgresql":
        op.execute(_REFUSE)
    for change in ("UPDATE", "DELETE"):
        op.execute(_APPEND_ONLY[kind].format(change=change))
