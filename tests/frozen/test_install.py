"""The real file: installed from a medium, served by a systemd of ours, updated to a second build, rolled back."""

import hashlib
import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import __version__
from app.core.paths import resources
from app.release.manifest import Schema
from app.release.service import serving_program
from tests.fix_process import until
from tests.fix_server import free_port
from tests.media import Makers
from tests.simulators.systemctl import write_systemctl

pytestmark = [pytest.mark.slow, pytest.mark.frozen]
_FOOTER = 512
_VERSION = 16 + 4 + 4 + 8 + 8 + 8
SCHEMAS = len(list((resources() / "migrations").glob("*.sql")))


def second_build(bundle: Path, target: Path, version: str) -> None:
    """The same file under another version: its footer says it, and is digested again."""
    data = bytearray(bundle.read_bytes())
    at = len(data) - _FOOTER
    data[at + _VERSION : at + _VERSION + 32] = version.encode().ljust(32, b"\0")
    data[-32:] = hashlib.sha256(data[at:-32]).digest()
    target.write_bytes(data)
    target.chmod(0o755)


class Host:
    """A prefix, a site and a service manager."""

    def __init__(self, folder: Path) -> None:
        self.prefix, self.data, self.units = folder / "prefix", folder / "data", folder / "systemd"
        self.units.mkdir()
        self.data.mkdir()
        write_systemctl(self.units)
        self.address = f"127.0.0.1:{free_port()}"
        (self.data / "profile.yaml").write_text(
            f"listen: {{address: '{self.address}', plain_http: loopback}}\n"
        )
        self.environment = {"PATH": f"{self.units}:/usr/bin:/bin", "HOME": str(folder)}

    def run(self, program: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *words], env=self.environment, capture_output=True, text=True, timeout=110, check=False
        )

    def installed(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the installed file."""
        return self.run(self.prefix / "bin" / "sallyport", *words)

    def systemctl(self, *words: str) -> None:
        subprocess.run([self.units / "systemctl", *words], env=self.environment, check=True)

    def serving(self) -> str:
        """The release folder whose program serves."""
        program = until(lambda: serving_program(self.data), 60)
        assert program.is_relative_to(self.prefix / "releases"), program
        return program.relative_to(self.prefix / "releases").parts[0].split("-")[0]

    def ready(self) -> bool:
        """Whether the server says so."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def status(self) -> dict[str, Any]:
        return json.loads(self.installed("update", "status", "--json").stdout)


@pytest.fixture
def host(folder: Path) -> Iterator[Host]:
    made = Host(folder)
    yield made
    made.systemctl("stop", "sallyport.service")


def medium(makers: Makers, folder: Path, number: int, version: str, bundle: Path) -> Path:
    folder.mkdir()
    second_build(bundle, folder / "sallyport", version)
    makers.list_files(folder, number, version=version, schema=Schema(first=1, last=SCHEMAS))
    makers.sign(folder)
    return folder


@pytest.mark.timeout(300)
@pytest.mark.skipif(os.geteuid() != 0, reason="the unit is the system's")
def test_real_file_is_installed_updated_and_rolled_back(bundle: Path, folder: Path, host: Host) -> None:
    makers = Makers()
    keyset = makers.write_keyset(folder / "keyset.json")
    first, second = (
        medium(makers, folder / f"m{number}", number, version, bundle)
        for number, version in ((1, "9.1"), (2, "9.2"))
    )
    where = (
        "--prefix",
        str(host.prefix),
        "--data",
        str(host.data),
        "--units",
        str(host.units),
        "--user",
        "root",
    )
    given = ("--medium", str(first), "--keyset", str(keyset))
    planned = host.run(first / "sallyport", "install", *given, *where, "--plan")
    assert planned.stdout.startswith("would make"), planned.stderr
    assert not host.prefix.exists()
    done = host.run(first / "sallyport", "install", *given, *where)
    assert done.returncode == 0, done.stderr
    trust = (host.prefix / "current" / "trust.fapolicyd").read_text().splitlines()
    assert len(trust) > 100
    assert trust[0].split()[0].endswith("/sallyport")

    host.systemctl("restart", "sallyport.service")
    until(host.ready, 60)
    assert host.serving() == "9.1"
    unpacked = sorted((host.prefix / "current" / "rt").iterdir())
    assert host.installed("version").stdout == f"sallyport {__version__}\n"
    assert sorted((host.prefix / "current" / "rt").iterdir()) == unpacked
    assert not (folder / ".cache").exists(), "an installed file unpacks nothing elsewhere"

    done = host.installed("update", "apply", str(second))
    assert done.returncode == 0, done.stderr
    assert host.serving() == "9.2"
    assert [step["step"] for step in host.status()["journal"]][-1] == "update.settled"
    again = host.installed("install", *where)
    assert again.stdout.startswith("Everything is in place already."), again.stderr
    replay = host.installed("update", "apply", str(first))
    assert "is older than 2" in replay.stderr, replay.stderr

    done = host.installed("update", "rollback")
    assert done.returncode == 0, done.stderr
    assert host.serving() == "9.1"
    rows = host.installed("audit", "query", "--json", "--data", str(host.data), "--limit", "500").stdout
    wanted = (
        "admin.update.apply",
        "release.update.settled",
        "admin.update.rollback",
        "release.rollback.begun",
    )
    assert [action for action in wanted if f'"{action}"' not in rows] == [], host.status()["journal"]


def test_user_without_root_installs_into_a_home(apart) -> None:
    result = apart("""
        mkdir -m 755 /var/lib/home && chown 65534 /var/lib/home
        as_nobody HOME=/var/lib/home "$file" install --no-service >/dev/null
        as_nobody HOME=/var/lib/home "$file" install --no-service | head -n 1
        rm "$file"
        as_nobody HOME=/var/lib/home /var/lib/home/.local/bin/sallyport update status | grep -c installed
        ls -A /var/lib/home
        as_nobody HOME=/var/lib/home /var/lib/home/.local/bin/sallyport uninstall | tail -n 1
        ls -A /var/lib/home/.local/opt /var/lib/home/.local/bin
    """)
    assert result.returncode == 0, result.stderr
    assert "Everything is in place already.\n1\n" in result.stdout
    assert "The site's data is kept: /var/lib/home/.local/share/sallyport\n" in result.stdout
    assert result.stdout.endswith("/var/lib/home/.local/bin:\n\n/var/lib/home/.local/opt:\n")


def test_prefix_mounted_noexec_is_refused(apart) -> None:
    result = apart("""
        mkdir /var/lib/there && mount -t tmpfs -o noexec,mode=755 tmpfs /var/lib/there
        ! "$file" install --no-service --prefix /var/lib/there/sallyport
    """)
    assert "mounted noexec" in result.stderr
