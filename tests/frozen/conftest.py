"""The bundle, built when it is missing or stale, and places to start it in."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def bundle() -> Path:
    """dist/sallyport, made by scripts/bundle; a no-op when nothing changed."""
    subprocess.run([ROOT / "scripts" / "bundle"], check=True, cwd=ROOT, timeout=1500)
    return ROOT / "dist" / "sallyport"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may pass through, unlike pytest's own, and short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="sp-frozen-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def runtime() -> Iterator[Path]:
    """Where the bundle unpacks itself for the tests that are not about unpacking."""
    path = Path(tempfile.mkdtemp(prefix="sp-runtime-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def environment(runtime: Path) -> dict[str, str]:
    """As little as a service manager gives."""
    return {"PATH": "/usr/bin:/bin", "SALLYPORT_RUNTIME_DIR": str(runtime)}


@pytest.fixture
def run(bundle: Path, environment: dict[str, str]) -> Run:
    """Run the bundle with arguments to its end."""

    def start(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [bundle, *arguments],
            env=environment | changes,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return start


@pytest.fixture
def apart(bundle: Path, folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a shell script as root in a mount namespace of its own; `$1` is a copy of the bundle.

    Inside, /tmp, /var/tmp, /var/lib and /dev/shm are fresh tmpfs. The script is not started unless they are, so
    that nothing it does or deletes can touch the host.
    """
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare for a mount namespace of its own")
    copy = folder / "sallyport"
    shutil.copy(bundle, copy)
    prelude = """
        set -eu
        mount -t tmpfs -o mode=1777 tmpfs /mnt
        cp "$1" /mnt/sallyport
        for place in /tmp /var/tmp /var/lib /dev/shm; do
            mount -t tmpfs -o mode=1777 tmpfs "$place"
            test "$(stat -f -c %T "$place")" = tmpfs
            test -z "$(ls -A "$place")"
        done
        chmod 755 /var/lib
        mkdir /tmp/own && cp /mnt/sallyport /tmp/own/ && umount /mnt
        file=/tmp/own/sallyport
        as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups env -i PATH=/usr/bin:/bin "$@"; }
    """

    def start(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", prelude + script, "sh", str(copy)],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return start
