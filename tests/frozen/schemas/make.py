"""Write VERSION.sql for the version in hand, once, when it is released: `python -m tests.frozen.schemas.make`.

A released file is never written again: sites hold databases like it.
"""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

import aiohttp
from psycopg.conninfo import make_conninfo

from app import __version__
from app.core.paths import postgres_home
from tests.cluster import cluster
from tests.faults.callers import CALLS, call
from tests.fix_process import Process, Program, Provider

FOLDER = Path(__file__).parent
_LATER = ("\\", "SET transaction_timeout")
"""Lines of newer dump programs that older servers do not know."""


def main(path: Path) -> None:
    """Fill a site and dump its database."""
    with tempfile.TemporaryDirectory() as folder, cluster() as made, Provider() as provider:
        url = make_conninfo(made.url, dbname=made.new_database())
        program = Program(Path(folder), database=url, provider=provider.url)
        _accounts(program)
        key = program.key()
        denied = program.key("auditor", name="reader")
        with program.serving() as process:
            asyncio.run(_calls(process, key, denied))
        dump = subprocess.run(
            [postgres_home() / "bin" / "pg_dump", "--inserts", "--no-owner", "--no-privileges", url],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    kept = "".join(line for line in dump.splitlines(keepends=True) if not line.startswith(_LATER))
    path.write_text(f"-- version {__version__}\n-- key {key}\n{kept}", encoding="utf-8")


def _accounts(program: Program) -> None:
    for words in (
        ("group", "create", "engineering", "--description", "Engineers"),
        ("user", "create", "dora", "--role", "developer", "--group", "engineering"),
        ("user", "create", "eve"),
        ("user", "disable", "eve"),
    ):
        done = program.run(*words)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}: {done.stderr}")


async def _calls(process: Process, key: str, denied: str) -> None:
    async with aiohttp.ClientSession() as session:
        for door in CALLS:
            await call(session, process.url, key, door)
            await call(session, process.url, denied, door)


if __name__ == "__main__":
    target = FOLDER / f"{__version__}.sql"
    if target.exists() and "--again" not in sys.argv:
        raise SystemExit(f"{target} exists: this version was released; raise the version first")
    main(target)
