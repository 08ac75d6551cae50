"""Decided calls: a list with filters, the same list live, and one trace."""

import asyncio
import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from aiohttp import web

from app.audit.reading import Filter, first_id
from app.console.browser import HEADERS
from app.console.door import Door, View, Visit, call_of, check_query
from app.console.sources import Sources
from app.console.trace import MAX_STEPS, digest_of, steps_of, summary_of
from app.core.call import Call, Resource
from app.core.errors import DatabaseError, InputError, NotFoundError, RecordUnavailableError
from app.core.ids import continue_trace
from app.extensions import Params

log = logging.getLogger(__name__)

PAGE = 50
LIVE_SECONDS = 600.0
"""How long an open page counts as somebody watching: then its session may become idle."""
LIVE_AT_ONCE = 32
_TURN = 1.0
_RECENT = timedelta(minutes=1)
_LOOK_BACK = timedelta(minutes=10)
MAX_SHOWN = 512 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_TRACE = re.compile(r"[0-9a-f]{32}", re.ASCII)


def filter_of(query: Mapping[str, str]) -> Filter:
    """What the query asks for; InputError for a cursor that is none."""
    try:
        before = UUID(query["before"]) if query.get("before") else None
    except ValueError:
        raise InputError("The address names no entry to go on from.", remedy="Start at the newest.") from None
    decision = query.get("decision", "")
    return Filter(
        before=before,
        actor=query.get("actor", "").strip()[:200] or None,
        action=query.get("action", "").strip()[:200] or None,
        decision=decision if decision in ("permit", "forbid") else None,
        reads=query.get("reads") == "on",
        limit=PAGE,
    )


def query_of(wanted: Filter, *, before: str = "") -> str:
    """The filter as a query, for links and for the live list."""
    given = {
        "actor": wanted.actor,
        "action": wanted.action,
        "decision": wanted.decision,
        "reads": "on" if wanted.reads else "",
        "before": before,
    }
    text = urlencode({name: value for name, value in given.items() if value})
    return f"?{text}" if text else ""


def views(sources: Sources) -> list[View]:
    """`/console/decisions`, `/console/traces/ID` and `/console/contents/DIGEST`."""

    async def decisions(visit: Visit) -> dict[str, Any]:
        wanted = filter_of(visit.query)
        lines = await sources.reading.calls(msgspec.structs.replace(wanted, limit=PAGE + 1))
        shown = lines[:PAGE]
        return {
            "lines": shown,
            "wanted": wanted,
            "newest": query_of(wanted),
            "older": query_of(wanted, before=str(shown[-1].id)) if len(lines) > PAGE else "",
            "live": wanted.before is None,
            "now": sources.clock.now(),
        }

    async def trace(visit: Visit) -> dict[str, Any]:
        trace_id = visit.params["trace"].lower()
        if not _TRACE.fullmatch(trace_id):
            raise NotFoundError(
                "A trace id has 32 digits 0-9 a-f.", remedy="Choose a decision from the list."
            )
        entries = await sources.reading.entries(trace_id)
        steps = steps_of(entries)
        digests = {digest for step in steps[:MAX_STEPS] for digest in step.digests}
        return {
            "digest_of": digest_of,
            "kept": await sources.reading.kept(digests),
            "shown_trace": trace_id,
            "steps": steps[:MAX_STEPS],
            "left_out": max(0, len(steps) - MAX_STEPS),
            "summary": summary_of(steps),
        }

    async def content(visit: Visit) -> dict[str, Any]:
        digest = visit.params["digest"]
        if not _DIGEST.fullmatch(digest):
            raise NotFoundError("A digest is sha256: and 64 digits.", remedy="Follow a link of a trace.")
        data = await sources.reading.content(digest)
        return {"digest": digest, "size": len(data), "text": shown(data), "most": MAX_SHOWN}

    return [
        View(name="decisions", path="/console/decisions", read=decisions, record="calls"),
        View(name="trace", path="/console/traces/{trace}", read=trace, record="{trace}"),
        View(name="content", path="/console/contents/{digest}", read=content, record="{digest}"),
    ]


def shown(data: bytes) -> str:
    """A content for reading: its beginning, in lines where it is JSON."""
    text = msgspec.json.format(data, indent=2) if data[:1] in (b"{", b"[") else data
    return text[:MAX_SHOWN].decode("utf-8", "replace")


class Live:
    """The list as server-sent events (WHATWG HTML, section 9.2): rows that are new or whose outcome came."""

    def __init__(self, *, door: Door, sources: Sources) -> None:
        self._door = door
        self._sources = sources
        self._watching = 0

    async def stream(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """Follow until the page goes away, its right ends or its time is up."""
        trace, query = continue_trace(request.headers.get("traceparent")), dict(request.query)
        call = call_of(request, trace, "audit.read", Resource("record", "calls"), arguments=query)
        response: web.StreamResponse | None = None
        try:
            async with self._door.admission.admit(call) as passage:
                check_query(query)
                wanted = filter_of(query)
                if self._watching >= LIVE_AT_ONCE:
                    raise RecordUnavailableError("Too many pages are watching.", retry_after=30)
                headers = {**HEADERS, "Content-Type": "text/event-stream", "traceparent": trace.traceparent}
                response = web.StreamResponse(headers=headers)
                await response.prepare(request)
                await self._watch(response, call, wanted)
                await passage.settle()
                await response.write_eof()
        except ConnectionError as error:
            log.debug("a live list was left: %s", error)
        except Exception as error:
            if response is not None:
                log.exception("a live list failed")
                response.force_close()
                return response
            return self._door.refuse(request, error, trace)
        if response is None:
            raise RecordUnavailableError("The live list could not begin.")
        return response

    async def _watch(self, response: web.StreamResponse, call: Call, wanted: Filter) -> None:
        self._watching += 1
        try:
            await self._follow(response, call, wanted)
        except (DatabaseError, RecordUnavailableError) as error:
            log.info("a live list ends: %s", error)
            await _send(response, "away", "The record is out of reach.")
        finally:
            self._watching -= 1

    async def _follow(self, response: web.StreamResponse, call: Call, wanted: Filter) -> None:
        sources = self._sources
        known: dict[UUID, str] | None = None
        ends = sources.clock.monotonic() + LIVE_SECONDS
        while not sources.stopping.is_set():
            if sources.clock.monotonic() > ends:
                await _send(response, "end", "Paused, because nobody touched this page for ten minutes.")
                return
            _, decision = await self._door.admission.decide(call)
            if not decision.permitted:
                await _send(response, "end", "Your session ended, or this is no longer open to you.")
                return
            since = _since(sources.clock.now(), known)
            lines = await sources.reading.calls(msgspec.structs.replace(wanted, since=since, before=None))
            changed = [line for line in reversed(lines) if (known or {}).get(line.id) != line.status]
            known = {line.id: line.status for line in lines}
            text = self._door.templates.render("rows.html", {"lines": changed}) if changed else ""
            await _send(response, "calls", text)
            await _turn(sources.stopping)


def _since(now: datetime, known: Mapping[UUID, str] | None) -> UUID:
    """Where to look from: a minute back, or as far as a call that was still open; never beyond the limit."""
    if known is None:
        return first_id(now - _LOOK_BACK)
    still_open = [id_ for id_, status in known.items() if status == "open"]
    return max(min([first_id(now - _RECENT), *still_open]), first_id(now - _LOOK_BACK))


async def _turn(stopping: asyncio.Event) -> None:
    """Wait for the next look, or for the drain."""
    try:
        async with asyncio.timeout(_TURN):
            await stopping.wait()
    except TimeoutError:
        return


async def _send(response: web.StreamResponse, event: str, text: str) -> None:
    data = "".join(f"data: {line}\n" for line in text.splitlines()) or "data:\n"
    await response.write(f"event: {event}\n{data}\n".encode())
