"""One statement for many rows: columns as arrays, which PostgreSQL unnests.

Measured against multi-row VALUES: no compilation per batch size, no limit on parameters.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import TextClause

from db.engine import Session


def execute_many(
    session: Session, statement: TextClause, rows: Sequence[Mapping[str, object]]
) -> list[Any]:
    """Run a statement whose parameters are arrays, one a column; nothing without rows.

    All rows have the same keys, which name the statement's parameters. PostgreSQL handles
    them in their order. Returns the rows that the statement returns, if it does.
    """
    if not rows:
        return []
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    result = session.connection().execute(statement, columns)
    return list(result) if result.returns_rows else []
