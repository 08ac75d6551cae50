"""A simulated AI provider on a loopback port: the wire formats of four vendors, driven by scripts."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Self

import msgspec
from aiohttp import web

from app.demo import anthropic_wire, bedrock_wire, gemini_wire, openai_wire, plain_wire, responses_wire
from app.demo.script import Script, answer

HANG_SECONDS = 3600.0
OPENAI = ("/v1/chat/completions", "/chat/completions")
ANTHROPIC = ("/v1/messages", "/v1/messages/count_tokens")
RESPONSES = ("/v1/responses", "/responses")
COMPLETIONS = ("/v1/completions", "/completions")
EMBEDDINGS = ("/v1/embeddings", "/embeddings")
PLACED = (gemini_wire, bedrock_wire)
"""Formats in which the address names the model."""


class Received(msgspec.Struct, frozen=True):
    """A request as it arrived, for whoever wants to see what a provider gets to see."""

    path: str
    headers: dict[str, str]
    body: bytes


class SimulatedProvider:
    """Serve until left; `port` is known inside `async with`. `scripts` are by model name."""

    def __init__(self, *, scripts: Mapping[str, Script] = MappingProxyType({}), port: int = 0) -> None:
        self.scripts = dict(scripts)
        self.port = port
        self.received: deque[Received] = deque(maxlen=100)
        self.running = 0
        """Answers that are under way."""
        self._runner = web.ServerRunner(
            web.Server(self._serve, handler_cancellation=True, access_log=None), shutdown_timeout=0.1
        )

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.received.append(Received(request.path_qs, dict(request.headers), body))
        self.running += 1
        try:
            return await self._route(request, body)
        finally:
            self.running -= 1

    async def _route(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        try:
            asked: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.DecodeError:
            return web.json_response(
                {"error": {"message": "bad JSON", "type": "invalid_request_error"}}, status=400
            )
        for wire in PLACED:
            placed = wire.asked(request.rel_url.raw_path_qs, asked)
            if placed is not None:
                return await self._placed(request, wire, placed)
        return await self._named(request, asked)

    async def _named(self, request: web.BaseRequest, asked: dict[str, Any]) -> web.StreamResponse:
        """Formats in which the body names the model."""
        openai = request.path in (*OPENAI, *COMPLETIONS)
        if not openai and request.path not in (*RESPONSES, *EMBEDDINGS, *ANTHROPIC):
            return web.json_response(
                {"error": {"message": "no such path", "type": "not_found_error"}}, status=404
            )
        script = self.scripts.get(str(asked.get("model")), Script())
        said = answer(asked, script)
        if request.path.endswith("/count_tokens"):
            return web.json_response({"input_tokens": said.input_tokens})
        await asyncio.sleep(script.delay)
        wire = openai_wire if openai else anthropic_wire
        if request.path in RESPONSES:
            wire = responses_wire
        elif request.path in (*COMPLETIONS, *EMBEDDINGS):
            wire = plain_wire
        if script.status != 200:
            return _whole(wire.error(script.status), script)
        if request.path in EMBEDDINGS:
            return await self._json(request, plain_wire.vectors(asked, said), script)
        if not asked.get("stream"):
            return await self._json(request, wire.body(said), script)
        if openai:
            include = bool((asked.get("stream_options") or {}).get("include_usage"))
            chunks = plain_wire.events if wire is plain_wire else openai_wire.events
            return await self._stream(
                request, chunks(said, include_usage=include), script, wire.error_event()
            )
        events = responses_wire.events if wire is responses_wire else anthropic_wire.events
        return await self._stream(request, events(said), script, wire.error_event())

    async def _placed(
        self, request: web.BaseRequest, wire: ModuleType, asked: dict[str, Any]
    ) -> web.StreamResponse:
        script = self.scripts.get(asked["model"], Script())
        await asyncio.sleep(script.delay)
        if script.status != 200:
            return _whole(wire.error(script.status), script)
        if asked["problem"]:
            refused = msgspec.structs.replace(script, status=400)
            return _whole(wire.error(400, asked["problem"]), refused)
        said = answer(asked, script)
        if not asked["stream"]:
            return await self._json(request, wire.body(said), script)
        return await self._stream(request, wire.events(said), script, wire.error_event(), wire.STREAM_TYPE)

    async def _json(self, request: web.BaseRequest, body: bytes, script: Script) -> web.StreamResponse:
        if script.fault == "reset":
            return _reset(request)
        if script.fault == "hang":
            await asyncio.sleep(HANG_SECONDS)
        if script.fault == "garbage":
            body = body[: len(body) // 2]
        response = _whole(body, script)
        if script.fault == "wrong_type":
            response.content_type = "text/html"
        return response

    async def _stream(
        self,
        request: web.BaseRequest,
        events: Iterator[bytes],
        script: Script,
        error: bytes,
        kind: str = "text/event-stream; charset=utf-8",
    ) -> web.StreamResponse:
        headers = {
            "content-type": kind,
            "cache-control": "no-cache",
            **dict(script.headers),
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        all_events = list(events)
        for number, event in enumerate(all_events):
            if number == len(all_events) // 2 and script.fault:
                return await self._fail(request, response, script, event, error)
            await response.write(event)
            await asyncio.sleep(script.pace)
        return response

    async def _fail(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        script: Script,
        event: bytes,
        error: bytes,
    ) -> web.StreamResponse:
        if script.fault in ("half_event", "hang"):
            await response.write(event[: len(event) // 2] if script.fault == "half_event" else event)
            await asyncio.sleep(HANG_SECONDS)
        if script.fault == "reset":
            return _reset(request, response)
        if script.fault == "error_event":
            await response.write(error)
        if script.fault == "garbage":
            await response.write(b"data: {not json}\n\n")
        if script.fault == "long_line":
            for _ in range(100):
                await response.write(b"data: " + b"x" * 100_000)
        return response


def _whole(body: bytes, script: Script) -> web.Response:
    headers = {"content-type": "application/json", "request-id": "req_simulated", **dict(script.headers)}
    return web.Response(body=body, status=script.status, headers=headers)


def _reset(request: web.BaseRequest, response: web.StreamResponse | None = None) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return response or web.Response()
