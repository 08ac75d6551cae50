"""`/livez`, `/readyz`, `/metrics`: for orchestrators and Prometheus."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry

from app.core.canonical import canonical
from app.extensions import Params, Route

_TEXT = "text/plain; version=0.0.4; charset=utf-8"

Check = Callable[[], Awaitable[str]]
"""Returns an empty string when in order, else one sentence."""
Notes = Callable[[], dict[str, str]]
"""What a person should know though the server is ready, by part."""


def routes(*, registry: CollectorRegistry, checks: dict[str, Check], notes: Notes) -> list[Route]:
    """The three endpoints; readiness asks every check and tells the notes."""

    async def livez(request: web.BaseRequest, params: Params) -> web.StreamResponse:
        return web.Response(text="ok\n")

    async def readyz(request: web.BaseRequest, params: Params) -> web.StreamResponse:
        found = {name: await check() for name, check in checks.items()}
        ready = not any(found.values())
        said = {"ready": ready, "checks": {name: text or "ok" for name, text in found.items()}}
        told = notes()
        body = canonical(said | {"notes": told} if told else said)
        headers = {} if ready else {"Retry-After": "2"}
        return web.Response(
            status=200 if ready else 503, body=body, content_type="application/json", headers=headers
        )

    async def metrics(request: web.BaseRequest, params: Params) -> web.StreamResponse:
        # Only here, because it brings a web server of its own.
        from prometheus_client.exposition import generate_latest  # noqa: PLC0415

        return web.Response(body=generate_latest(registry), headers={"Content-Type": _TEXT})

    return [
        Route(method="GET", path="/livez", endpoint=livez, public="says only that the process runs"),
        Route(method="GET", path="/readyz", endpoint=readyz, public="says only which parts are ready"),
        Route(
            method="GET",
            path="/metrics",
            endpoint=metrics,
            public="counters without names of people or contents",
        ),
    ]
