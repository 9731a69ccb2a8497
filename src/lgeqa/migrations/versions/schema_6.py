"""Scores by scale in one column, so that a further scale needs no column."""

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"

_SCALES = ("myocardium_nulling", "sharpness", "enhancement", "quality")
#: The tables with scores, and whether each row has some.
_HAS_SCORES = {"rating": False, "adjudication": False, "practice_scan": True, "practice_rating": True}


def upgrade() -> None:
    """Gather the scores of each row. A scan that cannot be rated has none."""
    for name, always in _HAS_SCORES.items():
        op.add_column(name, sa.Column("scores", sa.JSON(none_as_null=True)))
        _gather(name, always)
        with op.batch_alter_table(name) as table:
            for scale in _SCALES:
                table.drop_column(scale)
            if always:
                table.alter_column("scores", existing_type=sa.JSON(none_as_null=True), nullable=False)


def _gather(name: str, always: bool) -> None:
    table = sa.table(name, sa.column("id"), sa.column("scores", sa.JSON()), *map(sa.column, _SCALES))
    database = op.get_bind()
    for number, *scores in database.execute(sa.select(table.c.id, *(table.c[scale] for scale in _SCALES))).all():
        if always or None not in scores:
            gathered = dict(zip(_SCALES, scores, strict=True))
            database.execute(table.update().where(table.c.id == number).values(scores=gathered))
