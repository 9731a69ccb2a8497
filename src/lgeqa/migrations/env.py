"""Script that alembic runs for each migration. The connection and its transaction belong to `upgrade`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
