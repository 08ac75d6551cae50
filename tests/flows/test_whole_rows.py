"""Whatever door a call comes through, its rows say who, what, why, by which policy, how long, and in which trace."""

import aiohttp
import pytest

from tests.fix_server import Serve, until
from tests.house.test_routes import _body, fill

pytestmark = pytest.mark.slow

SPAN = "00f067aa0ba902b7"
_OPEN = "SELECT 1 FROM governance_decisions WHERE trace_id = %s AND status = 'open'"


async def test_every_governed_route_leaves_whole_rows(serve: Serve, http: aiohttp.ClientSession) -> None:
    served = await serve()
    key = await served.key("administrator")
    governed = [route for route in served.running.doors.routes if not route.public]
    admitted = 0
    for number, route in enumerate(governed):
        trace = f"{number + 1:032x}"
        where = f"{route.method} {route.path}"
        headers = {
            "traceparent": f"00-{trace}-{SPAN}-01",
            "Authorization": f"Bearer {key}",
            "User-Agent": "walker/1",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        timeout = aiohttp.ClientTimeout(total=5, sock_read=1)
        try:
            async with http.request(
                route.method, served.url + fill(route.path), headers=headers, data=_body(route.path),
                allow_redirects=False, timeout=timeout,
            ) as answer:  # fmt: skip
                returned = answer.headers["traceparent"].split("-")
                await answer.read()
                assert (returned[0], returned[1], returned[3]) == ("00", trace, "01"), where
                assert returned[2] != SPAN, where
        except TimeoutError:
            pass  # a stream that does not end by itself
        # The outcome of a call whose caller went away follows on its own.
        await until(lambda: not served.select(_OPEN, trace))  # noqa: B023 - asked before the loop goes on
        rows = served.record("trace_id = %s", trace)
        decided = [row for row in rows if row["kind"] in ("intent", "denial")]
        assert decided, where
        assert decided[0]["parent_id"] == SPAN, where
        for row in decided:
            told = (
                row["door"],
                row["action"],
                row["resource_kind"],
                row["resource"],
                row["address"],
                row["reason"],
            )
            assert all(told), f"{where}: {told}"
            assert (row["client"], row["decision"]) == (
                "walker/1", "permit" if row["kind"] == "intent" else "forbid",
            ), where  # fmt: skip
            assert row["actor_kind"], where
            if row["kind"] == "denial":
                continue
            admitted += 1
            assert row["actor_id"], where
            assert row["credential"], where
            assert row["policy_hash"], where
            assert row["rule_ids"], where
            ended = [each for each in rows if each["call"] == row["id"] and each["kind"] == "outcome"]
            assert [bool(each["status"]) for each in ended] == [True], f"{where}: {ended}"
            assert ended[0]["latency_us"] >= 1, where
            assert ended[0]["seq"] > row["seq"], where
    assert admitted > len(governed) / 3
