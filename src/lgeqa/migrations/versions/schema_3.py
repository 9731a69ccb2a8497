"""A rule of adjudication for each study, links of readers that can be shown again, and practice before a study."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"

_SCORES = ("myocardium_nulling", "sharpness", "enhancement", "quality")
_RULE = (
    '{"points": 2, "points_on": ["myocardium_nulling", "sharpness", "enhancement", "quality"], "sides_on": ["quality"]}'
)


def upgrade() -> None:
    """Give each study the rule that held for all, and add the tables of the practice."""
    with op.batch_alter_table("study") as study:
        study.add_column(sa.Column("rule", sa.JSON, nullable=False, server_default=_RULE))
    with op.batch_alter_table("reader") as reader:
        reader.add_column(sa.Column("link_nonce", sa.String))
    op.create_table(
        "practice_scan",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("location", sa.String, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        *(sa.Column(score, sa.Double) for score in _SCORES),
        sa.UniqueConstraint("study_id", "number"),
    )
    op.create_table(
        "practice_rating",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("reader_id", sa.Integer, sa.ForeignKey("reader.id"), nullable=False),
        sa.Column("scan_id", sa.Integer, sa.ForeignKey("practice_scan.id"), nullable=False),
        *(sa.Column(score, sa.Integer, nullable=False) for score in _SCORES),
        sa.Column("saved_at", sa.String, nullable=False),
        sa.UniqueConstraint("reader_id", "scan_id"),
    )
