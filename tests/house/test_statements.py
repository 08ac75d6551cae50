"""Every statement of every store is one PostgreSQL understands, against the schema that the migrations make."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg

from app.core.paths import resources

PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?s|%%")
STORES = sorted((resources() / "app").rglob("store.py"))


def statements(path: Path) -> Iterator[tuple[int, ast.expr]]:
    """The first argument of each `execute`, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "execute"
        ):
            yield node.lineno, node.args[0]


def numbered(query: str) -> str:
    """psycopg's placeholders as PREPARE wants them: `$1`, a name always the same number."""
    names: dict[str, int] = {}
    found = 0

    def number(match: re.Match[str]) -> str:
        nonlocal found
        if match[0] == "%%":
            return "%"
        if match[1]:
            return f"${names.setdefault(match[1], len(names) + 1)}"
        found += 1
        return f"${found}"

    return PLACEHOLDER.sub(number, query)


def test_there_are_stores_with_statements() -> None:
    assert len(STORES) >= 4
    assert sum(len(list(statements(path))) for path in STORES) >= 60


def test_postgresql_can_prepare_every_statement(database: str) -> None:
    problems = []
    with psycopg.connect(database, autocommit=True) as conn:
        for path in STORES:
            for line, query in statements(path):
                if not isinstance(query, ast.Constant) or not isinstance(query.value, str):
                    problems.append(f"{path}:{line}: not a literal")
                    continue
                try:
                    conn.execute(f"PREPARE statement AS {numbered(query.value)}")  # pyright: ignore[reportArgumentType, reportCallIssue]
                    conn.execute("DEALLOCATE statement")
                except psycopg.Error as error:
                    problems.append(f"{path}:{line}: {str(error).splitlines()[0]}")
    assert problems == []
