import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.frozen.conftest import Run
from tests.frozen.serving import Site, lines, serving

pytestmark = [pytest.mark.slow, pytest.mark.frozen]


def _denied(site: Site) -> str:
    """A call that nobody may make; its trace id, as the answer and the record know it."""
    trace = os.urandom(16).hex()
    status, _ = site.answer(
        "/v1/messages",
        json.dumps({"model": "m", "max_tokens": 1, "messages": []}).encode(),
        **{"content-type": "application/json", "traceparent": f"00-{trace}-{'1' * 16}-01"},
    )
    assert status in {400, 401, 403}
    return trace


def _recorded(run: Run, data: Path) -> str:
    result = run("audit", "list", "--data", str(data), "--json")
    assert result.returncode == 0, result.stderr
    assert lines(result.stdout)
    return result.stdout


def test_second_start_changes_nothing(
    bundle: Path, folder: Path, environment: dict[str, str], run: Run
) -> None:
    data = folder / "data"
    with serving(bundle, data, environment):
        pass
    settled = {path: path.read_bytes() for path in data.rglob("*") if _is_settings(path, data)}
    with serving(bundle, data, environment):
        pass
    assert settled
    rows = lines(run("audit", "query", "--format", "jsonl", "--data", str(data)).stdout)
    assert sorted(row["action"] for row in rows) == [
        "admin.policy.apply",
        "audit.read",
        "egress.enforce",
    ]
    assert {path: path.read_bytes() for path in data.rglob("*") if _is_settings(path, data)} == settled


def _is_settings(path: Path, data: Path) -> bool:
    """Keys, certificates and the like; not the database's own files, logs and locks, nor the record's heads."""
    return (
        path.is_file()
        and not {"postgres", "record"} & set(path.relative_to(data).parent.parts[:1])
        and path.suffix not in {".log", ".lock"}
    )


def test_record_survives_kill_9(bundle: Path, folder: Path, environment: dict[str, str], run: Run) -> None:
    data = folder / "data"
    with serving(bundle, data, environment) as site:
        before = _denied(site)
        site.process.send_signal(signal.SIGKILL)
        site.process.wait()
    with serving(bundle, data, environment) as site:
        after = _denied(site)
        record = _recorded(run, data)
    assert before in record
    assert after in record


def test_term_ends_server_and_database_in_order(
    bundle: Path, folder: Path, environment: dict[str, str], run: Run
) -> None:
    data = folder / "data"
    with serving(bundle, data, environment) as site:
        trace = _denied(site)
        site.process.send_signal(signal.SIGTERM)
        assert site.process.wait(timeout=30) == 0
    assert list(data.rglob("postmaster.pid")) == []
    assert trace in _recorded(run, data)


def test_start_connects_to_nothing(bundle: Path, folder: Path, environment: dict[str, str]) -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    calls = folder / "calls"
    # sendto and sendmsg carry UDP; DNS questions are UDP or a connect to port 53
    tracer = ("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(calls))
    with serving(bundle, folder / "data", environment, before=tracer) as site:
        pid = Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children").read_text().split()[0]
        os.kill(int(pid), signal.SIGTERM)
        site.process.wait(timeout=30)
    seen = calls.read_text()
    assert "AF_UNIX" in seen, "its database is on a private socket: the trace must show that it saw something"
    assert [line for line in seen.splitlines() if "AF_INET" in line] == []


def test_running_server_locks_the_folder_it_runs_from(
    bundle: Path, folder: Path, environment: dict[str, str]
) -> None:
    """systemd-tmpfiles leaves locked folders alone: the server must hold the lock that it asks for."""
    with serving(bundle, folder / "data", environment):
        (tree,) = (
            path for path in Path(environment["SALLYPORT_RUNTIME_DIR"]).iterdir() if len(path.name) == 32
        )
        locked = subprocess.run(["flock", "--exclusive", "--nonblock", tree, "true"], check=False)
        assert locked.returncode == 1


def test_external_database_is_reached_by_tls(run: Run, folder: Path) -> None:
    """libpq uses the OpenSSL that Python brought: the handshake shows that the two fit."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=db", "-days", "2"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as other:
        server.settimeout(60)
        seen = other.submit(_accept_postgres_tls, server, context)
        url = f"postgresql://auditor@127.0.0.1:{server.getsockname()[1]}/x?sslmode=require&connect_timeout=5"
        result = run("migrate", "--data", str(folder / "data"), SALLYPORT_DATABASE_URL=url)
        assert result.returncode != 0, "nobody answers behind the handshake"
        protocol, startup = seen.result(timeout=30)
    assert protocol == "TLSv1.3"
    assert b"auditor" in startup


def _accept_postgres_tls(server: socket.socket, context: ssl.SSLContext) -> tuple[str | None, bytes]:
    connection, _ = server.accept()
    with connection:
        assert connection.recv(8)[4:] == (80877103).to_bytes(4), "libpq asks for TLS first"
        connection.sendall(b"S")
        with context.wrap_socket(connection, server_side=True) as tls:
            return tls.version(), tls.recv(1024)


def test_help_shows_every_page_of_the_manual(run: Run) -> None:
    result = run("help")
    assert result.returncode == 0, result.stderr
    assert "operators/bundle" in result.stdout
    assert "The one file" in run("help", "operators/bundle").stdout
