"""The record in Splunk's collector over TLS: acknowledged, away, full, wrong token, a row it will not take."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.fix_server import Serve, until
from tests.flows.test_sink_file import calls, recorded
from tests.simulators.authority import Authority
from tests.simulators.collector import Splunk

pytestmark = pytest.mark.slow

PROFILE = """\
sinks:
  splunk:
    kind: splunk
    url: {url}
    token: t0ken
    acknowledge: {acknowledge}
    refused: {refused}
    start: beginning
    timeout: 2
    tls: {{ca: {ca}}}
"""


@pytest.fixture
async def splunk(tmp_path: Path) -> AsyncIterator[tuple[Splunk, Authority]]:
    authority = Authority(tmp_path / "authority")
    async with Splunk(authority.server(), acknowledge=True) as collector:
        assert isinstance(collector, Splunk)
        yield collector, authority


def profile(splunk: Splunk, authority: Authority, *, refused: str = "hold") -> str:
    acknowledge = "true" if splunk.acknowledge else "false"
    return PROFILE.format(url=splunk.url, ca=authority.ca, acknowledge=acknowledge, refused=refused)


async def test_rows_count_once_they_are_indexed(
    serve: Serve, http: aiohttp.ClientSession, splunk: tuple[Splunk, Authority]
) -> None:
    collector, authority = splunk
    collector.slow_index = True
    served = await serve(profile(collector, authority))
    await calls(served, http, 4)
    await until(lambda: collector.requests > 2)
    assert served.select("SELECT delivered FROM audit_sinks") == [{"delivered": 0}]
    collector.slow_index = False
    await until(lambda: {row["id"] for row in collector.rows()} >= recorded(served))
    event = collector.events[0]
    assert event["fields"]["id"] == event["event"]["id"]
    assert event["sourcetype"] == "sallyport:record"
    await until(lambda: served.select("SELECT 1 FROM audit_sinks WHERE delivered > 0"))


async def test_nothing_is_lost_while_it_is_away_or_full(
    serve: Serve, http: aiohttp.ClientSession, splunk: tuple[Splunk, Authority]
) -> None:
    collector, authority = splunk
    served = await serve(profile(collector, authority))
    await calls(served, http, 2)
    await until(lambda: {row["id"] for row in collector.rows()} >= recorded(served))
    await collector.stop()
    await calls(served, http, 3)
    await until(lambda: served.select("SELECT 1 FROM audit_sinks WHERE error <> ''"))
    collector.full = True
    await collector.start()
    await until(lambda: served.select("SELECT 1 FROM audit_sinks WHERE error LIKE '%%busy%%'"))
    await calls(served, http, 3)
    collector.full = False
    await until(lambda: {row["id"] for row in collector.rows()} >= recorded(served), 20)
    await until(lambda: served.select("SELECT 1 FROM audit_sinks WHERE error = ''"))


async def test_a_wrong_token_says_what_to_do_and_harms_nothing(
    serve: Serve, http: aiohttp.ClientSession, splunk: tuple[Splunk, Authority]
) -> None:
    collector, authority = splunk
    collector.token = "another"
    served = await serve(profile(collector, authority))
    await calls(served, http, 1)
    rows = await until(lambda: served.select("SELECT error FROM audit_sinks WHERE error <> ''"))
    assert "Splunk does not know this token" in rows[0]["error"]
    assert "t0ken" not in rows[0]["error"]
    collector.token = "t0ken"
    await until(lambda: {row["id"] for row in collector.rows()} >= recorded(served), 20)


async def test_a_server_that_another_authority_vouches_for_gets_nothing(
    serve: Serve, http: aiohttp.ClientSession, splunk: tuple[Splunk, Authority], tmp_path: Path
) -> None:
    collector, _ = splunk
    served = await serve(profile(collector, Authority(tmp_path / "other")))
    await calls(served, http, 1)
    rows = await until(lambda: served.select("SELECT error FROM audit_sinks WHERE error <> ''"))
    assert "certificate verify failed" in rows[0]["error"]
    assert collector.requests == 0


async def test_a_row_it_will_not_take_holds_the_rest_or_is_passed_over_and_recorded(
    serve: Serve, http: aiohttp.ClientSession, splunk: tuple[Splunk, Authority]
) -> None:
    collector, authority = splunk
    bad: set[str] = set()
    collector.refuse = lambda event: event["event"]["id"] in bad
    served = await serve(profile(collector, authority, refused="skip"))
    await until(lambda: {row["id"] for row in collector.rows()} >= recorded(served))
    await collector.stop()
    await calls(served, http, 6)
    bad.add(str(served.record("kind = 'denial'")[3]["id"]))
    await collector.start()
    await until(lambda: {row["id"] for row in collector.rows()} >= recorded(served) - bad, 20)
    told = await until(lambda: served.record("action = 'record.sink.refused'"))
    assert {row["body"]["row"] for row in told} == bad
    assert {row["id"] for row in collector.rows()}.isdisjoint(bad)
    assert served.select("SELECT refused FROM audit_sinks") == [{"refused": 1}]
