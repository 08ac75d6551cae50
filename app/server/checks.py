"""Every precondition of a host and a site, each with its remedy."""

import os
import platform
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import msgspec

from app.config import Profile
from app.core.errors import SallyportError
from app.core.paths import postgres_home
from app.db import connect
from app.db.owner import server_owner
from app.egress.sandbox.offered import offered
from app.server.listen.connection import uses_compiled_parser
from app.server.listen.listener import is_loopback, split_address
from app.server.rooms.database import reachable
from app.server.rooms.roles import standing

_FREE_BYTES = 1024**3
_FILES = 1024
_BETTER_WITH = frozenset({"cgroup", "user"})
"""Measures of confinement whose work others do as well, if less exactly."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check: `state` is ok, warn or fail; the remedy says what to do."""

    check: str
    state: str
    found: str
    remedy: str = ""


def host_findings() -> Iterator[Finding]:
    """What this machine offers."""
    system = platform.uname()
    yield Finding(check="host", state="ok", found=f"{system.system} {system.release} {system.machine}")
    yield Finding(check="tls library", state="ok", found=ssl.OPENSSL_VERSION)
    files = os.sysconf("SC_OPEN_MAX")
    yield Finding(
        check="open files",
        state="ok" if files >= _FILES else "warn",
        found=f"{files} allowed",
        remedy=""
        if files >= _FILES
        else f"Raise the limit to at least {_FILES} (LimitNOFILE= or ulimit -n).",
    )
    yield _parser()


def _parser() -> Finding:
    compiled = uses_compiled_parser()
    return Finding(
        check="http parser",
        state="ok" if compiled else "fail",
        found="llhttp" if compiled else "the Python fallback, which accepts smuggled requests",
        remedy="" if compiled else "The file is damaged, or aiohttp was installed without its C parts.",
    )


def confinement_findings() -> list[Finding]:
    """How far a tool program can be confined here, found out by confining one that does nothing: a line for each gap."""
    missing = offered().missing
    found = [
        Finding(
            check="tool confinement",
            state="ok" if one.measure in _BETTER_WITH else "warn",
            found=f"no {one.measure}: {one.why}",
            remedy=one.remedy,
        )
        for one in missing
    ]
    if all(one.state == "ok" for one in found):
        found.insert(0, Finding(check="tool confinement", state="ok", found="every measure that counts"))
    return found


def folder_findings(folder: Path) -> Iterator[Finding]:
    """Whether the data folder can hold a site."""
    existing = folder
    while not existing.exists():
        existing = existing.parent
    writable = os.access(existing, os.W_OK | os.X_OK)
    yield Finding(
        check="data folder",
        state="ok" if writable else "fail",
        found=f"{folder}{'' if folder.exists() else ' (will be made)'}",
        remedy="" if writable else f"Let this user write to {existing}, or choose another --data.",
    )
    free = shutil.disk_usage(existing).free
    yield Finding(
        check="disk space",
        state="ok" if free >= _FREE_BYTES else "warn",
        found=f"{free // 1024**2} MiB free",
        remedy="" if free >= _FREE_BYTES else "Give the record more room: at least 1 GiB.",
    )


def listener_findings(profile: Profile) -> Iterator[Finding]:
    """Whether the address can be listened on."""
    try:
        host, port = split_address(profile.listen.address)
    except ValueError:
        yield Finding(
            check="address",
            state="fail",
            found=profile.listen.address,
            remedy="Write HOST:PORT in listen.address.",
        )
        return
    plain = profile.listen.plain_http != "never" and not is_loopback(host)
    if plain:
        yield Finding(
            check="encryption",
            state="warn",
            found="plain HTTP beyond this machine",
            remedy="Remove listen.plain_http.",
        )
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
        except OSError as error:
            yield Finding(
                check="address",
                state="warn",
                found=f"{profile.listen.address}: {error.strerror}",
                remedy="If Sallyport is running there, all is well; else choose another listen.address.",
            )
            return
    yield Finding(check="address", state="ok", found=f"{profile.listen.address} is free")


async def database_findings(profile: Profile, folder: Path) -> list[Finding]:
    """Whether the database can be used."""
    if not profile.database.url:
        return [_embedded(folder), *await _running(profile, folder)]
    try:
        conn = await connect(
            profile.database.url.reveal(), purpose="doctor", timeout=profile.database.connect_timeout
        )
    except SallyportError as error:
        return [Finding(check="database", state="fail", found=error.message, remedy=error.remedy)]
    async with conn:
        version = conn.info.server_version
        cursor = await conn.execute("SELECT pg_backend_pid(), current_setting('synchronous_commit')")
        row = await cursor.fetchone() or (0, "")
        findings = [
            Finding(check="database", state="ok", found=f"PostgreSQL {version // 10000}.{version % 10000}")
        ]
        if row[0] != conn.info.backend_pid:
            findings.append(
                Finding(
                    check="connection pooler",
                    state="warn",
                    found="the database is reached through a pooler",
                    remedy="Transaction pooling breaks LISTEN, locks and prepared statements: connect directly.",
                )
            )
        findings.append(_role(*await standing(conn)))
        return findings


async def _running(profile: Profile, folder: Path) -> list[Finding]:
    """The version of the embedded server, where one runs."""
    url = await reachable(profile, folder)
    if not url:
        return []
    try:
        async with await connect(url, purpose="doctor", timeout=profile.database.connect_timeout) as conn:
            version = conn.info.server_version
    except SallyportError as error:
        return [Finding(check="database", state="fail", found=error.message, remedy=error.remedy)]
    return [
        Finding(check="database", state="ok", found=f"PostgreSQL {version // 10000}.{version % 10000} runs")
    ]


def _role(name: str, superuser: bool, owner: bool) -> Finding:
    """Whether whoever writes the record could also change it."""
    if not superuser and not owner:
        return Finding(check="database role", state="ok", found=f"{name} writes and does not own the record")
    what = "is a superuser" if superuser else "owns the record that it writes"
    return Finding(
        check="database role",
        state="warn",
        found=f"{name} {what}",
        remedy="Keep the roles apart: see `sallyport database roles --print`.",
    )


def _embedded(folder: Path) -> Finding:
    if not (postgres_home() / "bin" / "postgres").exists():
        return Finding(
            check="database",
            state="fail",
            found="no embedded PostgreSQL in this checkout",
            remedy="Run scripts/run once, or set database.url.",
        )
    owner = server_owner(folder / "postgres")
    return Finding(check="database", state="ok", found=f"embedded PostgreSQL, run as {owner.name}")
