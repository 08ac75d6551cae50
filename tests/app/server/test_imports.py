"""What a start imports and when: times vary with the machine, the modules do not."""

import subprocess
import sys

import pytest

LATE = (
    "app.server.site",
    "app.server.doors",
    "app.mcp",
    "app.api",
    "app.console",
    "app.gateway",
    "app.audit",
)


def _imported(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("command", ["app.cli.file.about", "app.cli.file.manual", "app.cli.file.completion"])
def test_commands_about_the_file_import_neither_database_nor_http(command: str) -> None:
    imported = _imported(f"import app.__main__, app.cli, {command}")
    assert not {"asyncio", "psycopg", "aiohttp", "cryptography", "msgspec"} & imported


def test_postgresql_is_started_before_rooms_and_doors_are_imported() -> None:
    before = _imported("import app.cli.serve, app.cli.options, app.server.process, app.server.serve")
    assert not set(LATE) & before


def test_what_is_imported_meanwhile_is_all_that_serving_needs() -> None:
    """Else the first who ask would wait for it."""
    everything = _imported("import app.server.serve\napp.server.serve._import_site()")
    assert set(LATE) <= everything
