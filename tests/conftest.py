"""One capability a file: see the fix_*.py beside this."""

from pathlib import Path

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


@pytest.fixture(scope="session", autouse=True)
def _passable(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As root, PostgreSQL and tool programs run as somebody else, who must reach their own folders in tests' ones."""
    folder = tmp_path_factory.getbasetemp()
    for place in (folder, *folder.parents):
        if place.name.startswith(("pytest-", "popen-")) and place.owner() == Path.home().owner():
            place.chmod(0o711)
