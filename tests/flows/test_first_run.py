"""A site from nothing: keys, certificate, database and policy at the first start, nothing new at the second."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from app.config.schema import Tls
from app.server.listen.tls import certificate_for

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(ROOT),
    "HOME": "/nonexistent",
    "SALLYPORT_LOG_LEVEL": "warning",
}


@contextmanager
def serving(data: Path, *options: str) -> Iterator[dict[str, str]]:
    """`serve --data` as a process; yields what it announces and ends it by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--data", str(data), "--json", *options],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=data.parent,
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()


def command(data: Path, *words: str) -> list[dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "app", *words, "--data", str(data), "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
        cwd=data.parent,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def get(url: str, authority: Path, *, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> int:
    context = ssl.create_default_context(cafile=str(authority))
    context.minimum_version = context.maximum_version = version
    with urlopen(Request(url), context=context, timeout=10) as answer:
        return int(answer.status)


def digests(data: Path) -> dict[str, str]:
    """What must be the same after a restart."""
    kept = [
        data / "profile.yaml",
        *sorted((data / "tls").iterdir()),
        *sorted(path for path in (data / "keys").rglob("*") if path.is_file()),
    ]
    return {str(path.relative_to(data)): sha256(path.read_bytes()).hexdigest() for path in kept}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # as root the embedded PostgreSQL runs as somebody else
    return tmp_path / "d"


@pytest.mark.slow
def test_first_start_sets_a_site_up_and_the_second_changes_nothing(data: Path) -> None:
    with serving(data, "--address", "127.0.0.1:0") as first:
        assert first["url"].startswith("https://127.0.0.1:")
        assert "/console/setup/" in first["setup_link"]
        assert get(first["url"] + "/readyz", data / "tls" / "ca.pem") == 200
        before = digests(data)
    with serving(data) as second:
        assert get(second["url"] + "/readyz", data / "tls" / "ca.pem") == 200
        assert "/console/setup/" in second["setup_link"]
    assert digests(data) == before
    applied = [row for row in command(data, "audit", "list") if row["action"] == "admin.policy.apply"]
    assert [(row["resource"], row["decision"], row["status"]) for row in applied] == [
        ("starter", "permit", "ok")
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_is_1_2_or_1_3_and_a_changed_certificate_is_taken_in(data: Path) -> None:
    with serving(data, "--address", "127.0.0.1:0") as site:
        authority = data / "tls" / "ca.pem"
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            assert get(site["url"] + "/livez", authority, version=version) == 200
        with pytest.raises(OSError, match=r"(?i)ssl|tls|handshake|protocol"):
            get(site["url"] + "/livez", authority, version=ssl.TLSVersion.TLSv1_1)
        (data / "tls" / "server.key").write_text("broken", encoding="utf-8")
        time.sleep(6)
        assert get(site["url"] + "/livez", authority) == 200
        other = data.parent / "other"
        certificate_for(Tls(), folder=other, names=["localhost", "127.0.0.1"], now=datetime.now(UTC))
        for name in ("server.pem", "server.key"):
            shutil.copy(other / name, data / "tls" / name)
        until_served(site["url"], other / "ca.pem")


def until_served(url: str, authority: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            assert get(url + "/livez", authority) == 200
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.5)


@pytest.mark.slow
def test_a_second_server_on_the_same_folder_is_refused(data: Path) -> None:
    with serving(data, "--address", "127.0.0.1:0"):
        done = subprocess.run(
            [sys.executable, "-m", "app", "serve", "--data", str(data), "--address", "127.0.0.1:0"],
            capture_output=True,
            text=True,
            check=False,
            env=ENVIRONMENT,
            cwd=data.parent,
            timeout=60,
        )
        assert done.returncode == 2
        assert "Another Sallyport already serves" in done.stderr
        assert command(data, "audit", "list")  # commands run beside the server


@pytest.mark.slow
def test_plain_http_beyond_loopback_must_be_said_in_words(data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "serve", "--data", str(data), "--address", "0.0.0.0:0", "--plain-http"],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
        cwd=data.parent,
        timeout=60,
    )
    assert done.returncode == 2
    assert "yes, without encryption" in done.stderr
