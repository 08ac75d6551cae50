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
HEAVY = frozenset(
    {"aiohttp", "asyncio", "cryptography", "jinja2", "msgspec", "psycopg", "ssl", "uvloop", "yaml"}
)
"""What costs more than all of ours that a command needs."""
READS = frozenset({"msgspec", "yaml"})
"""For the profile."""
COMMANDS = {
    "app.cli.file.about": frozenset[str](),
    "app.cli.file.completion": frozenset[str](),
    "app.cli.file.manual": frozenset[str](),
    "app.cli.audit": frozenset[str](),
    "app.cli.mcp": frozenset[str](),
    "app.cli.mcp.running": READS,
    "app.cli.client_config": READS,
    "app.cli.audit.export": READS,
    "app.cli.audit.look": READS | {"asyncio", "cryptography", "psycopg", "ssl"},
    "app.cli.policy": READS | {"asyncio", "psycopg", "ssl"},
    "app.cli.secret": READS | {"asyncio", "cryptography", "psycopg", "ssl"},
}
"""Of each kind of command, which heavy packages its module may import: whoever needs more imports it when it runs."""
OF_OTHERS = frozenset(
    {
        "_cffi_backend", "_yaml", "backports", "cython_runtime",
        "aiohappyeyeballs", "aiohttp", "aiosignal", "app", "attr", "cffi", "click",
        "cryptography", "frozenlist", "httptools", "idna", "msgspec", "multidict", "prometheus_client", "propcache",
        "psycopg", "psycopg_binary", "psycopg_pool", "typing_extensions", "uvloop", "yaml", "yarl",
    }
)  # fmt: skip
"""Packages that a serving site may import at its start: one more is megabytes and milliseconds of every start."""
NOT_AT_START = (
    "aiohttp.client", "aiohttp.connector", "aiohttp.web_app", "cryptography.x509", "jinja2",
    "mistune", "prometheus_client.exposition", "psycopg_pool.null_pool", "tarfile", "unittest", "wsgiref",
)  # fmt: skip
"""What a start did import once and does not need."""


def _imported(code: str) -> set[str]:
    script = f"import sys\nfrom app.core.lean import enter\nenter()\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=120
    )
    return set(done.stdout.split())


def test_commands_import_no_more_than_their_kind_may() -> None:
    """Each in a child of one interpreter that has imported what all of them share."""
    code = f"""
import importlib, os, sys
import app.__main__, app.cli
for name in {list(COMMANDS)!r}:
    sys.stdout.flush()
    if os.fork() == 0:
        importlib.import_module(name)
        print(name, *({set(HEAVY)!r} & set(sys.modules)), flush=True)
        os._exit(0)
    os.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    found = {line.split()[0]: set(line.split()[1:]) for line in done.stdout.splitlines()}
    assert set(found) == set(COMMANDS)
    assert {name: seen - COMMANDS[name] for name, seen in found.items() if seen - COMMANDS[name]} == {}


def test_postgresql_is_started_before_rooms_and_doors_are_imported() -> None:
    before = _imported("import app.cli.serve, app.cli.options, app.server.process, app.server.serve")
    assert not set(LATE) & before


@pytest.fixture(scope="module")
def serving() -> set[str]:
    """Every module that a serving site has imported when it is ready."""
    return _imported("import app.cli.serve, app.server.serve\napp.server.serve._import_site()")


def test_what_is_imported_meanwhile_is_all_that_serving_needs(serving: set[str]) -> None:
    """Else the first who ask would wait for it."""
    assert set(LATE) <= serving


def test_serving_imports_no_further_package_of_others(serving: set[str]) -> None:
    tops = {name.partition(".")[0] for name in serving}
    assert {top for top in tops - OF_OTHERS if top not in sys.stdlib_module_names and top[0] != "_"} == set()


def test_what_only_rare_requests_need_is_not_imported_at_the_start(serving: set[str]) -> None:
    assert serving & set(NOT_AT_START) == set()
