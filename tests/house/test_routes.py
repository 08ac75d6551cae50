"""Every route passes the corridor, or stands on the list of public ones with a reason."""

import aiohttp

from tests.fix_server import Serve

# The whole list; a new public route needs its reason here as well as in the door.
PUBLIC = {
    "GET /": "probe",
    "GET /console/assets/{name}": "style",
    "GET /console/sign-in": "form",
    "GET /console/setup/{token}": "form",
    "GET /console/link/{token}": "form",
    "GET /livez": "process",
    "GET /readyz": "ready",
    "GET /metrics": "counters",
    "GET /api/hello": "probe",
    "GET /oauth/upstream/client.json": "who this site is",
    "GET /api/openapi.json": "describes",
    "POST /api/event_logging/batch": "telemetry",
}


def fill(path: str) -> str:
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + "anything" + rest.partition("}")[2]
    return path


async def test_public_routes_are_the_listed_ones_with_a_reason(serve: Serve) -> None:
    served = await serve()
    public = {
        f"{route.method} {route.path}": route.public for route in served.running.doors.routes if route.public
    }
    assert set(public) == set(PUBLIC)
    assert all(PUBLIC[name] in reason for name, reason in public.items())


async def test_every_other_route_refuses_a_stranger_and_records_it(
    serve: Serve, http: aiohttp.ClientSession
) -> None:
    served = await serve()
    governed = [route for route in served.running.doors.routes if not route.public]
    assert governed
    for number, route in enumerate(governed):
        trace_id = f"{number + 1:032x}"
        headers = {
            "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01",
            "Authorization": "Bearer sp_aaaaaaaaaa_" + "A" * 43,
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        async with http.request(
            route.method,
            served.url + fill(route.path),
            headers=headers,
            data=_body(route.path),
            allow_redirects=False,
        ) as answer:
            assert answer.status >= 300, (
                f"{route.method} {route.path} answered a stranger with {answer.status}"
            )
        rows = served.record("trace_id = %s", trace_id)
        assert [row["kind"] for row in rows] == ["denial"], f"{route.method} {route.path} left {rows}"


def _body(path: str) -> bytes:
    if path.startswith("/mcp"):
        return b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'
    return b'{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"x"}]}'
