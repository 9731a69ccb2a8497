"""The tables as they were when migrations began. Databases of schema 1 have some or all of them already."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = None


def upgrade() -> None:
    """Create the tables that are missing."""
    _create(
        "study",
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("repeat_share", sa.Double, nullable=False),
        sa.Column("made_at", sa.String, nullable=False),
        sa.Column("closed_at", sa.String),
        sa.Column("reopened_at", sa.String),
    )
    _create(
        "study_scan",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), nullable=False),
        sa.Column("scan_id", sa.String, nullable=False),
        sa.Column("patient", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("location", sa.String, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("mask", sa.String),
        sa.Column("sha256", sa.String, nullable=False),
        sa.UniqueConstraint("study_id", "scan_id"),
    )
    _create(
        "reader",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("token_sha256", sa.String, nullable=False, unique=True),
        sa.UniqueConstraint("study_id", "number"),
        sa.UniqueConstraint("study_id", "name"),
    )
    _create(
        "reading",
        sa.Column("reader_id", sa.Integer, sa.ForeignKey("reader.id"), nullable=False),
        sa.Column("scan_id", sa.Integer, sa.ForeignKey("study_scan.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.UniqueConstraint("reader_id", "number"),
    )
    _create(
        "rating",
        sa.Column("reading_id", sa.Integer, sa.ForeignKey("reading.id"), nullable=False),
        sa.Column("known", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        *_saved(),
        sa.UniqueConstraint("reading_id", "save_id"),
        sa.UniqueConstraint("reading_id", "version"),
    )
    _create(
        "adjudication",
        sa.Column("scan_id", sa.Integer, sa.ForeignKey("study_scan.id"), nullable=False),
        sa.Column("panel", sa.String, nullable=False),
        *_saved(),
        sa.UniqueConstraint("scan_id", "save_id"),
        sa.UniqueConstraint("scan_id", "version"),
    )
    _create(
        "scan",
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("identity", sa.String, nullable=False, unique=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("location", sa.String, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("fault", sa.String, nullable=False),
        sa.Column("upload", sa.String),
        sa.Column("upload_key", sa.String),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("takes", sa.Integer, nullable=False),
        sa.Column("added_at", sa.String, nullable=False),
        sa.Column("finished_at", sa.String),
        sa.Column("end", sa.String),
        sa.Column("probability", sa.Double),
        sa.Column("result", sa.String),
        sa.Column("thumbnail", sa.LargeBinary),
        sqlite_autoincrement=True,
    )
    for column in ("upload", "upload_key", "state", "added_at", "finished_at", "end"):
        op.create_index(f"ix_scan_{column}", "scan", [column], if_not_exists=True)


def _create(name: str, *parts: sa.schema.SchemaItem, **options: Any) -> None:
    op.create_table(name, sa.Column("id", sa.Integer, primary_key=True), *parts, if_not_exists=True, **options)


def _saved() -> tuple[sa.Column[Any], ...]:
    """Return the columns of scores that were saved."""
    scores = ("myocardium_nulling", "sharpness", "enhancement", "quality")
    return (
        sa.Column("save_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        *(sa.Column(score, sa.Integer) for score in scores),
        sa.Column("cannot_rate", sa.String, nullable=False),
        sa.Column("comment", sa.String, nullable=False),
        sa.Column("saved_at", sa.String, nullable=False),
    )
