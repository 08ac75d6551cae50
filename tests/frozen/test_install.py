"""The real file: installed from a medium, served by a systemd of ours, updated to a second build, rolled back."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import __version__
from tests.fix_process import until
from tests.frozen.installed import Host, medium
from tests.media import Makers

pytestmark = [pytest.mark.slow, pytest.mark.frozen]


@pytest.fixture
def host(folder: Path) -> Iterator[Host]:
    made = Host(folder)
    yield made
    made.systemctl("stop", "sallyport.service")


@pytest.mark.timeout(300)
@pytest.mark.skipif(os.geteuid() != 0, reason="the unit is the system's")
def test_real_file_is_installed_updated_and_rolled_back(bundle: Path, folder: Path, host: Host) -> None:
    makers = Makers()
    keyset = makers.write_keyset(folder / "keyset.json")
    first, second = (
        medium(makers, folder / f"m{number}", number, bundle=bundle, version=version)
        for number, version in ((1, "9.1"), (2, "9.2"))
    )
    given = ("--medium", str(first), "--keyset", str(keyset))
    planned = host.run(first / "sallyport", "install", *given, *host.where, "--plan")
    assert planned.stdout.startswith("would make"), planned.stderr
    assert not host.prefix.exists()
    done = host.run(first / "sallyport", "install", *given, *host.where)
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
    again = host.installed("install", *host.where)
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
