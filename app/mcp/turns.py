"""An admitted message: taken, passed on within its time, its answer noted for the record."""

import asyncio
import time
from typing import Any

import msgspec
from msgspec import Raw

from app.core.errors import DatabaseError, EgressError, InputError, UpstreamError
from app.mcp import protocol, results
from app.mcp.answers import Answer, database_away, refused, upstream_failed
from app.mcp.catalogue import Announcements, Catalogue
from app.mcp.oauth import SignInWanted
from app.mcp.parked import Waits
from app.mcp.parked.wire import can_be_asked
from app.mcp.pins import Watch
from app.mcp.protocol import (
    CANCELLED,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    ProtocolError,
)
from app.mcp.protocol.mirrored import Mirrors
from app.mcp.rounds import Rounds
from app.mcp.signing_in import sign_in_answer
from app.mcp.skills.carrying import children
from app.mcp.streams import SessionLine, Sessions
from app.mcp.tasks import Tasks
from app.mcp.turn import Turn, caller_of, following, members_of, outgoing_of
from app.mcp.upstream.ports import Relay, Reply, Upstream
from app.mcp.upstream.servers import Servers

_LISTENING = 3600.0
_PER_SESSION = frozenset({"logging/setLevel", "resources/subscribe", "resources/unsubscribe"})


class Turns:
    """What is done for a message once the corridor let it in."""

    def __init__(
        self,
        *,
        servers: Servers,
        sessions: Sessions,
        catalogue: Catalogue,
        watch: Watch,
        tasks: Tasks | None,
        rounds: Rounds,
    ) -> None:
        self._tasks = tasks
        self._watch = watch
        self._rounds = rounds
        self._servers = servers
        self._sessions = sessions
        self._catalogue = catalogue
        self._skills = catalogue.skills

    async def take(self, turn: Turn) -> Answer:
        """A notification or a response: 202, whatever it was about."""
        session, message = turn.session, turn.message
        if session is not None and message.kind == "response" and message.id is not None:
            respond = session.asks.pop(message.id, None)
            if respond is not None:
                await respond(message.body)
        elif session is not None and message.method == "notifications/cancelled":
            scope = session.running.get(msgspec.json.encode(message.params.get("requestId")))
            if scope is not None:
                scope.reschedule(0)
        return Answer(status=202)

    async def answer(self, turn: Turn, relay: Relay) -> Answer:
        """Run a request against its time limit; the same scope lets its caller cancel it."""
        limit = self._limit(turn)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit
        running = turn.session.running if turn.session is not None else {}
        identifier = turn.message.id or b""
        try:
            async with asyncio.timeout_at(deadline) as scope:
                running[identifier] = scope
                return await self._dispatch(turn, relay)
        except TimeoutError:
            if loop.time() < deadline:
                turn.passage.note(status="cancelled", error="The caller cancelled the request.")
                cancelled = ProtocolError("The request was cancelled.", number=CANCELLED, status=200)
                return refused(turn.message.id, cancelled, trace=turn.inbound.trace)
            slow = UpstreamError(
                f"The tool server did not answer in {limit:g} s.", kind="timeout", status=504
            )
            return self._failed(turn, slow)
        except (UpstreamError, EgressError) as error:
            return self._failed(turn, error)
        except DatabaseError as error:
            turn.passage.note(status="error", error=str(error))
            return database_away(turn.message.id, error, trace=turn.inbound.trace)
        except msgspec.MsgspecError as error:
            unread = UpstreamError(f"The tool server sent what cannot be read: {error}.", kind="protocol")
            return self._failed(turn, unread)
        except InputError as error:
            turn.passage.note(status="error", error=str(error))
            wrong = (
                error
                if isinstance(error, ProtocolError)
                else ProtocolError(str(error), number=INVALID_PARAMS)
            )
            return refused(turn.message.id, wrong, trace=turn.inbound.trace)
        finally:
            running.pop(identifier, None)

    def _limit(self, turn: Turn) -> float:
        if turn.message.method == "subscriptions/listen" or turn.method.shape == "task":
            return _LISTENING
        return self._servers.timeout(turn.target.server)

    def _failed(self, turn: Turn, error: UpstreamError | EgressError) -> Answer:
        turn.passage.note(status="error", error=str(error))
        if isinstance(error, SignInWanted):
            return sign_in_answer(
                turn.message.id,
                error,
                caller=turn.caller,
                method=turn.message.method,
                trace=turn.inbound.trace,
            )
        return upstream_failed(turn.message.id, error, trace=turn.inbound.trace)

    async def _dispatch(self, turn: Turn, relay: Relay) -> Answer:
        message, caller = turn.message, turn.caller
        if message.method == "initialize":
            return await self._initialize(turn)
        if message.method == "ping":
            return self._done(turn, b"{}")
        if message.method == "server/discover":
            value = await self._catalogue.discover(turn.passage, caller, turn.inbound.server)
            return self._done(turn, msgspec.json.encode(value))
        if turn.method.shape == "list":
            value = await self._catalogue.listing(
                turn.passage, caller, turn.method, outgoing_of(turn), server=turn.inbound.server
            )
            return self._done(turn, msgspec.json.encode(value))
        if turn.method.shape == "task" and self._tasks is not None:
            return await self._tasks.answer(turn, relay)
        if self._tasks is not None and self._tasks.following.wanted(turn):
            return await self._tasks.following.listen(turn, relay, self._forward)
        return await self._forward(turn, relay)

    async def _initialize(self, turn: Turn) -> Answer:
        params, passage = turn.message.params, turn.passage
        asked = params.get("protocolVersion")
        version = asked if asked in protocol.OLD_VERSIONS else protocol.LATEST_OLD
        session = self._sessions.open(
            principal=passage.principal.id, server=turn.inbound.server, version=version
        )
        session.info = members_of(params.get("clientInfo"))
        session.capabilities = members_of(params.get("capabilities"))
        caller = caller_of(passage, turn.message, session, "old")
        try:
            value = await self._catalogue.introduce(passage, caller, turn.inbound.server)
        except BaseException:
            self._sessions.end(session)
            raise
        passage.note(result={"protocolVersion": version, "clientInfo": session.info})
        answer = self._done(turn, msgspec.json.encode({"protocolVersion": version, **value}))
        return msgspec.structs.replace(answer, headers={"Mcp-Session-Id": session.id})

    async def _forward(self, turn: Turn, relay: Relay) -> Answer:
        turn, upstream, mirrors = await self._required(*self._aimed(turn))
        method = turn.message.method
        if method == "resources/read":
            await self._skills.require(turn, upstream)
        if method in _PER_SESSION and not upstream.sessions:
            raise ProtocolError(
                f"{method} is not available on this server: its callers share it.",
                number=METHOD_NOT_FOUND,
                status=results.status_of(METHOD_NOT_FOUND, turn.caller.era),
            )
        if method == "subscriptions/listen":
            relay = Announcements(relay, turn.passage, upstream.name, request=turn.message.id or b"null")
        started = time.monotonic()
        reply = await self._rounds.reply(turn, upstream, relay, mirrors)
        turn.passage.timings["upstream"] = time.monotonic() - started
        if isinstance(reply, Waits):
            turn.passage.note(status="started", result=_answered(turn, results.recorded(Raw(reply.result))))
            return self._done(turn, reply.result)
        failure = results.failure(reply)
        if failure is not None and reply.error is not None:
            turn.passage.note(status="error", error=f"{failure.code}: {failure.message}"[:1000])
            status = results.status_of(failure.code, turn.caller.era)
            return Answer(body=protocol.error_raw(turn.message.id, reply.error), status=status)
        if method == "logging/setLevel" and turn.session is not None:
            turn.session.level = str(turn.message.params.get("level", ""))[:20]
        reply = await self._as_skill(turn, upstream, reply)
        if self._tasks is not None and (begun := await self._tasks.begun(turn, reply)) is not None:
            return begun
        return self._finish(turn, reply)

    async def _required(self, turn: Turn, upstream: Upstream) -> tuple[Turn, Upstream, Mirrors | None]:
        """The same once what the call is about is the approved one there, with what its headers repeat."""
        if turn.target.resource.kind == "server":
            return turn, upstream, None
        mirrors = await self._watch.require(turn.passage, turn.caller, upstream, turn.target)
        server = self._servers.get(turn.target.server)
        if server and can_be_asked(turn.caller, turn.message.method) and not upstream.place(turn.caller):
            # A shared program that had to be started for this is known by now to be of the older era.
            own = server.of(turn.caller, turn.message.method)
            if own.place(turn.caller):
                return turn, own, await self._watch.require(turn.passage, turn.caller, own, turn.target)
        return turn, upstream, mirrors

    async def _as_skill(self, turn: Turn, upstream: Upstream, reply: Reply) -> Reply:
        """The reply, where it is about skills: checked, and under this endpoint's addresses."""
        method, raw = turn.message.method, reply.result
        if raw is None:
            return reply
        if method == "resources/read":
            await self._skills.check(turn, upstream, reply)
        elif method == "skills/get":
            raw = await self._skills.entry(turn, upstream, raw)
        elif method == "resources/directory/read":
            raw = msgspec.json.encode(children(turn, raw))
        return msgspec.structs.replace(reply, result=Raw(raw))

    def _aimed(self, turn: Turn) -> tuple[Turn, Upstream]:
        """The server, or the caller's own process of it, and the caller as that is told of it."""
        upstream = self._servers.get(turn.target.server)
        if upstream is None:
            raise ProtocolError(f"Nothing here is called {turn.target.name[:200]!r}.", number=INVALID_PARAMS)
        caller = turn.caller
        if turn.session is not None:
            line = SessionLine(turn.session, turn.passage, server=upstream.name)
            caller = msgspec.structs.replace(caller, line=line)
        caller = following(caller, tasks=self._tasks is not None and self._tasks.expected(turn))
        turn = msgspec.structs.replace(turn, caller=caller)
        return turn, self._rounds.taken_up(turn) or upstream.of(caller, turn.message.method)

    def _finish(self, turn: Turn, reply: Reply) -> Answer:
        """The answer around a result, noted for the record."""
        raw = reply.result or Raw(b"{}")
        outcome = results.outcome(raw)
        turn.passage.note(result=_answered(turn, results.recorded(raw)))
        if outcome.is_error:
            turn.passage.note(status="error", error="The tool reported an error.")
        value: Raw | bytes = raw
        if not outcome.done:
            value = self._rounds.finished(turn, raw)
        if turn.message.method == "resources/read" and not turn.inbound.server:
            value = results.with_public_addresses(raw, turn.target.server)
        fitted = results.fit(Raw(value), method=turn.message.method, era=turn.caller.era, from_era=reply.era)
        return self._done(turn, fitted)

    def _done(self, turn: Turn, result: Raw | bytes) -> Answer:
        return Answer(body=protocol.result(turn.message.id or b"null", result), headers={})


def _answered(turn: Turn, result: dict[str, Any]) -> dict[str, Any]:
    """What the record keeps of a result, with the answers that its client gave to questions before; no state of ours."""
    given = turn.message.params.get("inputResponses")
    kept = {key: value for key, value in result.items() if key != "requestState"}
    return {"inputResponses": given, **kept} if isinstance(given, dict) else kept
