"""How Alembic runs the migrations: on the connection that db.migrate opened."""

from alembic import context

import db.access_tables
import db.delivery_tables  # noqa: F401  # these add their tables to the metadata
from db.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
