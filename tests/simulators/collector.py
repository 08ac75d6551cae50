"""Collectors on loopback: Splunk's HTTP Event Collector by its contract, and a plain one that answers as scripted."""

import json
from collections.abc import Callable, Iterator
from ssl import SSLContext
from typing import Any

from aiohttp import web

from tests.fix_server import free_port


class Collector:
    """A listener that can be stopped and started again on the same port."""

    def __init__(self, tls: SSLContext | None = None) -> None:
        self.port = free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.requests = 0
        self._tls = tls
        self._runner: web.AppRunner | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        raise AssertionError("a collector says how it answers")

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self.answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(
            self._runner,
            "127.0.0.1",
            self.port,
            ssl_context=self._tls,
            reuse_address=True,
        ).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> "Collector":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


class Splunk(Collector):
    """`acknowledge`: the token has indexer acknowledgement; `full`: busy; `slow_index`: nothing is indexed yet."""

    def __init__(
        self, tls: SSLContext | None = None, *, token: str = "t0ken", acknowledge: bool = False
    ) -> None:
        super().__init__(tls)
        self.token = token
        self.acknowledge = acknowledge
        self.full = False
        self.slow_index = False
        self.refuse: Callable[[dict[str, Any]], bool] = lambda event: False
        self.events: list[dict[str, Any]] = []
        self._waiting: dict[tuple[str, int], list[dict[str, Any]]] = {}
        self._acks = 0

    def rows(self) -> list[dict[str, Any]]:
        """What was indexed."""
        return [event["event"] for event in self.events]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token:
            return _said(401, 2, "Token is required")
        if scheme != "Splunk" or token != self.token:
            return _said(403, 4, "Invalid token")
        channel = request.headers.get("x-splunk-request-channel", "")
        if self.acknowledge and not channel:
            return _said(400, 10, "Data channel is missing")
        if request.path == "/services/collector/ack":
            return self._ack(channel, await request.json())
        assert request.path == "/services/collector/event"
        return self._take(channel, await request.text())

    def _take(self, channel: str, text: str) -> web.Response:
        if self.full:
            return _said(503, 9, "Server is busy")
        if not text.strip():
            return _said(400, 5, "No data")
        try:
            events = list(_documents(text))
        except ValueError:
            return _said(400, 6, "Invalid data format")
        for number, event in enumerate(events):
            if "event" not in event:
                return _said(400, 12, "Event field is required", **{"invalid-event-number": number})
            if self.refuse(event):
                return _said(400, 6, "Invalid data format", **{"invalid-event-number": number})
        if not self.acknowledge:
            self.events += events
            return _said(200, 0, "Success")
        number = self._acks
        self._acks += 1
        self._waiting[channel, number] = events
        return _said(200, 0, "Success", ackId=number)

    def _ack(self, channel: str, asked: dict[str, Any]) -> web.Response:
        if not self.acknowledge:
            return _said(400, 14, "ACK is disabled")
        found = {}
        for number in asked["acks"]:
            events = None if self.slow_index else self._waiting.pop((channel, number), None)
            self.events += events or []
            found[str(number)] = events is not None
        return web.json_response({"acks": found})


class Scripted(Collector):
    """Takes JSON arrays, lines or bulk bodies; `says` makes the answer to each body."""

    def __init__(self, tls: SSLContext | None = None) -> None:
        super().__init__(tls)
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.says: Callable[[bytes], tuple[int, bytes]] = lambda body: (200, b"{}")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        body = await request.read()
        status, said = self.says(body)
        if status == 200:
            self.bodies.append(body)
            self.headers.append({name.lower(): value for name, value in request.headers.items()})
        return web.Response(status=status, body=said, content_type="application/json")


def _documents(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    at = 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        if not isinstance(value, dict):
            raise ValueError("an event is an object")
        yield value
        while at < len(text) and text[at].isspace():
            at += 1


def _said(status: int, code: int, text: str, **more: object) -> web.Response:
    return web.json_response({"text": text, "code": code, **more}, status=status)
