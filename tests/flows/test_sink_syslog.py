"""The record in Debian's rsyslog, over TCP and over TLS with client certificates, killed and back."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fix_server import Serve, until
from tests.flows.test_sink_file import calls, recorded
from tests.simulators.authority import Authority
from tests.simulators.rsyslog import Rsyslog

pytestmark = pytest.mark.slow


def ids(messages: list[dict[str, Any]]) -> set[str]:
    return {json.loads(message["msg"])["id"] for message in messages}


async def test_rows_arrive_over_tcp_and_none_is_lost_when_the_daemon_is_killed(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    with Rsyslog(tmp_path / "rsyslog") as daemon:
        served = await serve(
            f"sinks: {{log: {{kind: syslog, protocol: tcp, address: '127.0.0.1:{daemon.port}', start: beginning,"
            " timeout: 5}}"
        )
        await calls(served, http, 5)
        await until(lambda: ids(daemon.messages()) >= recorded(served))
        for number in (signal.SIGKILL, signal.SIGTERM):
            await calls(served, http, 20)
            daemon.end(number)
            await calls(served, http, 5)
            daemon.start()
            await calls(served, http, 5)
        await until(lambda: ids(daemon.messages()) >= recorded(served), 30)
        stored = {
            row["entry"].decode() for row in map(_bytes, served.select("SELECT entry FROM audit_events"))
        }
        assert {message["msg"] for message in daemon.messages()} >= stored
        first = daemon.messages()[0]
        assert (first["app"], first["data"]) == ("sallyport", "-")


def _bytes(row: dict[str, Any]) -> dict[str, bytes]:
    return {"entry": bytes(row["entry"])}


async def test_rows_arrive_over_tls_with_a_client_certificate_as_structured_data(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.issue("sallyport")
    with Rsyslog(tmp_path / "rsyslog", authority=authority) as daemon:
        served = await serve(
            f"sinks: {{log: {{kind: syslog, address: '127.0.0.1:{daemon.port}', format: rfc5424, start: beginning,"
            f" timeout: 5, tls: {{ca: {authority.ca}, certificate: {certificate}, key: {key}}}}}}}"
        )
        await calls(served, http, 3)

        def seen() -> set[str]:
            found = [re.search(r' id="([^"]+)"', message["data"]) for message in daemon.messages()]
            return {match[1] for match in found if match}

        await until(lambda: seen() >= recorded(served), 20)
        denial = next(message for message in daemon.messages() if 'kind="denial"' in message["data"])
        assert denial["pri"] == str(13 * 8 + 4)
        assert denial["msgid"] == "audit.read"
        assert denial["data"].startswith("[sallyport@32473 ")
        assert "forbid" in denial["msg"]


async def test_without_the_client_certificate_nothing_counts_as_delivered(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    with Rsyslog(tmp_path / "rsyslog", authority=authority) as daemon:
        served = await serve(
            f"sinks: {{log: {{kind: syslog, address: '127.0.0.1:{daemon.port}', start: beginning, timeout: 5,"
            f" tls: {{ca: {authority.ca}}}}}}}"
        )
        await calls(served, http, 3)
        await until(lambda: served.select("SELECT 1 FROM audit_sinks WHERE error <> ''"), 20)
        assert served.select("SELECT delivered FROM audit_sinks") == [{"delivered": 0}]
        assert daemon.messages() == []
