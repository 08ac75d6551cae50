"""An admitted message: taken, passed on within its time, its answer noted for the record."""

import asyncio
import time
from typing import Any

import msgspec
from msgspec import Raw

from app.core.call import Credential
from app.core.errors import EgressError, InputError, UpstreamError
from app.core.ids import Trace
from app.core.passage import Passage
from app.mcp import inputs, protocol, results
from app.mcp.answers import Answer, refused, upstream_failed
from app.mcp.catalogue import Announcements, Catalogue
from app.mcp.inputs import Seal
from app.mcp.oauth import SignInWanted
from app.mcp.pins import Watch
from app.mcp.protocol import (
    CANCELLED,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    Era,
    Message,
    ProtocolError,
    envelope,
    mirrored,
)
from app.mcp.protocol.envelope import Headers
from app.mcp.protocol.methods import Method, Target
from app.mcp.protocol.mirrored import Mirrors
from app.mcp.signing_in import sign_in_answer, without_our_answer
from app.mcp.streams import Session, SessionLine, Sessions
from app.mcp.upstream.ports import Caller, Outgoing, Relay, Reply, Upstream
from app.mcp.upstream.servers import Servers

_OURS = frozenset(
    {
        "progressToken",
        "traceparent",
        "tracestate",
        envelope.VERSION,
        envelope.CAPABILITIES,
        envelope.CLIENT_INFO,
    }
)
_LISTENING = 3600.0
_TASKS = "io.modelcontextprotocol/tasks"
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_PER_SESSION = frozenset({"logging/setLevel", "resources/subscribe", "resources/unsubscribe"})


class Inbound(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message came in and with what; `server` is empty on the aggregated endpoint."""

    server: str
    credential: Credential
    trace: Trace
    headers: Headers = Headers()
    client: str = ""
    address: str = ""
    batched: bool = False


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One admitted message."""

    passage: Passage
    inbound: Inbound
    message: Message
    method: Method
    target: Target
    caller: Caller
    session: Session | None


class Turns:
    """What is done for a message once the corridor let it in."""

    def __init__(
        self, *, servers: Servers, sessions: Sessions, catalogue: Catalogue, watch: Watch, seal: Seal
    ) -> None:
        self._watch = watch
        self._seal = seal
        self._servers = servers
        self._sessions = sessions
        self._catalogue = catalogue

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
        if turn.message.method == "subscriptions/listen":
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
                turn.passage, caller, turn.method, _outgoing(turn), server=turn.inbound.server
            )
            return self._done(turn, msgspec.json.encode(value))
        return await self._forward(turn, relay)

    async def _initialize(self, turn: Turn) -> Answer:
        params, passage = turn.message.params, turn.passage
        asked = params.get("protocolVersion")
        version = asked if asked in protocol.OLD_VERSIONS else protocol.LATEST_OLD
        session = self._sessions.open(
            principal=passage.principal.id, server=turn.inbound.server, version=version
        )
        session.info = _object(params.get("clientInfo"))
        session.capabilities = _object(params.get("capabilities"))
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
        upstream = self._servers.get(turn.target.server)
        if upstream is None:
            raise ProtocolError(f"Nothing here is called {turn.target.name[:200]!r}.", number=INVALID_PARAMS)
        mirrors = None
        if turn.session is not None:
            line = SessionLine(turn.session, turn.passage, server=upstream.name)
            caller = msgspec.structs.replace(turn.caller, line=line)
            turn = msgspec.structs.replace(turn, caller=caller)
        upstream = upstream.of(turn.caller, turn.message.method)
        if turn.target.resource.kind != "server":
            mirrors = await self._watch.require(turn.passage, turn.caller, upstream, turn.target)
        if turn.message.method in _PER_SESSION and not upstream.sessions:
            raise ProtocolError(
                f"{turn.message.method} is not available on this server: its callers share it.",
                number=METHOD_NOT_FOUND,
                status=results.status_of(METHOD_NOT_FOUND, turn.caller.era),
            )
        if turn.message.method == "subscriptions/listen":
            relay = Announcements(relay, turn.passage, upstream.name, request=turn.message.id or b"null")
        outgoing, bound = _mirrored(turn, _outgoing(turn), mirrors), _bound(turn)
        if "requestState" in outgoing.params:
            state = self._seal.open(turn.message.params["requestState"], bound)
            outgoing = msgspec.structs.replace(outgoing, params={**outgoing.params, "requestState": state})
        started = time.monotonic()
        reply = await self._rounds(turn, upstream, outgoing, relay)
        if turn.message.method == "logging/setLevel" and turn.session is not None and reply.error is None:
            turn.session.level = str(turn.message.params.get("level", ""))[:20]
        turn.passage.timings["upstream"] = time.monotonic() - started
        failure = results.failure(reply)
        if failure is not None and reply.error is not None:
            turn.passage.note(status="error", error=f"{failure.code}: {failure.message}"[:1000])
            status = results.status_of(failure.code, turn.caller.era)
            return Answer(body=protocol.error_raw(turn.message.id, reply.error), status=status)
        return self._finish(turn, reply)

    async def _rounds(self, turn: Turn, upstream: Upstream, outgoing: Outgoing, relay: Relay) -> Reply:
        """The answer; a client of the older era is asked here for what a modern server wants first."""
        for _ in range(inputs.ROUNDS):
            reply = await upstream.request(turn.passage, turn.caller, outgoing, relay)
            if reply.result is None or turn.caller.era == "modern" or results.outcome(reply.result).done:
                return reply
            want = inputs.wanted(reply.result)
            more: dict[str, Any] = {"inputResponses": await inputs.ask_all(relay, want.questions)}
            if want.state is not None:
                more["requestState"] = want.state
            outgoing = msgspec.structs.replace(outgoing, params={**outgoing.params, **more})
        raise UpstreamError(f"The tool wanted input more than {inputs.ROUNDS} times.", kind="protocol")

    def _finish(self, turn: Turn, reply: Reply) -> Answer:
        """The answer around a result, noted for the record."""
        raw = reply.result or Raw(b"{}")
        outcome = results.outcome(raw)
        turn.passage.note(result=results.recorded(raw))
        if outcome.is_error:
            turn.passage.note(status="error", error="The tool reported an error.")
        value: Raw | bytes = raw
        if not outcome.done:
            value = inputs.with_sealed_state(raw, self._seal, _bound(turn))
        if turn.message.method == "resources/read" and not turn.inbound.server:
            value = results.with_public_addresses(raw, turn.target.server)
        fitted = results.fit(Raw(value), method=turn.message.method, era=turn.caller.era, from_era=reply.era)
        return self._done(turn, fitted)

    def _done(self, turn: Turn, result: Raw | bytes) -> Answer:
        return Answer(body=protocol.result(turn.message.id or b"null", result), headers={})


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _supported(capabilities: dict[str, Any]) -> dict[str, Any]:
    """Without what could not be carried through: tasks outlive the request they began in."""
    kept = {key: value for key, value in capabilities.items() if key != "tasks"}
    if isinstance(extensions := kept.get("extensions"), dict):
        kept["extensions"] = {key: value for key, value in extensions.items() if key != _TASKS}
    return kept


def caller_of(passage: Passage, message: Message, session: Session | None, era: Era) -> Caller:
    """On whose behalf, and as what it introduced itself."""
    principal = passage.principal.id or passage.principal.name
    if era == "modern":
        meta = message.meta
        return Caller(
            principal=principal,
            era="modern",
            version=protocol.MODERN,
            info=_object(meta.get(envelope.CLIENT_INFO)),
            capabilities=_supported(_object(meta.get(envelope.CAPABILITIES))),
        )
    if session is None:
        return Caller(principal=principal, version=protocol.LATEST_OLD)
    return Caller(
        principal=principal,
        session=session.id,
        version=session.version,
        info=session.info,
        capabilities=_supported(session.capabilities),
    )


def _bound(turn: Turn) -> bytes:
    return inputs.about(turn.caller.principal, turn.message.method, turn.target.server, turn.message.params)


def _mirrored(turn: Turn, outgoing: Outgoing, mirrors: Mirrors | None) -> Outgoing:
    """With the headers that repeat arguments: checked where the caller's era has them, made from the arguments."""
    if mirrors is None:
        return outgoing
    arguments = turn.target.arguments or {}
    if turn.caller.era == "modern":
        mirrored.agree(mirrors, arguments, outgoing.headers)
    return msgspec.structs.replace(outgoing, headers=mirrored.headers_for(mirrors, arguments))


def _outgoing(turn: Turn) -> Outgoing:
    """The caller's own bytes, with the name put as the server knows it."""
    message = turn.message
    params: dict[str, Any] = {key: value for key, value in message.raw.items() if key != "_meta"}
    if not turn.inbound.server and turn.target.name:
        if turn.method.shape == "complete":
            key = "name" if turn.target.resource.kind == "prompt" else "uri"
            params["ref"] = {**message.params["ref"], key: turn.target.name}
        else:
            params[turn.method.key] = turn.target.name
    meta: dict[str, Any] = dict(_MEMBERS.decode(message.raw["_meta"])) if message.meta else {}
    if turn.session is not None and turn.session.level:
        meta[envelope.LOG_LEVEL] = turn.session.level
    return Outgoing(
        method=message.method,
        params=without_our_answer(params),
        meta={key: value for key, value in meta.items() if key not in _OURS},
        progress=meta.get("progressToken"),
        headers=turn.inbound.headers.params,
    )
