"""One capability a file: see the fix_*.py beside this."""

import pytest

pytest_plugins = [
    "tests.fix_database",
    "tests.fix_server",
    "tests.fix_api",
    "tests.fix_command",
    "tests.fix_browser",
]

_DATABASES = frozenset({"postgres", "fragile"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a database, so that it can be run against another PostgreSQL."""
    for item in items:
        if _DATABASES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.database)
