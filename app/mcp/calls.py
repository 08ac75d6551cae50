"""One MCP message as a governed call: admitted or denied, recorded either way, answered."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import msgspec

from app.admission import Admission
from app.core.call import Call, NoCredential
from app.core.clock import Clock
from app.core.errors import DeniedError, RecordUnavailableError
from app.core.passage import Passage
from app.mcp import protocol
from app.mcp.answers import Answer, denied, refused, unavailable
from app.mcp.catalogue import Catalogue
from app.mcp.inputs import Seal
from app.mcp.parked import Parking
from app.mcp.pins import Watch
from app.mcp.protocol import INVALID_PARAMS, Era, Message, ProtocolError, envelope, methods
from app.mcp.protocol.methods import Method, Target
from app.mcp.rounds import Rounds
from app.mcp.streams import Replay, Session, SessionLine, Sessions
from app.mcp.streams.replay import place_of
from app.mcp.tasks import Later, Ledger, Tasks, Waiting
from app.mcp.tasks.carried import Carried
from app.mcp.turn import Inbound, Turn, caller_of
from app.mcp.turns import Turns
from app.mcp.upstream.ports import Caller, Relay
from app.mcp.upstream.servers import Servers
from app.mcp.upstream.silent import Silent

Keeping = tuple[Ledger, Waiting, Clock]
"""What tasks need: where they are kept, who makes calls wait, and the time."""


class Calls:
    """The governed side of the MCP door."""

    def __init__(
        self,
        *,
        admission: Admission,
        servers: Servers,
        sessions: Sessions,
        catalogue: Catalogue,
        watch: Watch,
        seal: Seal,
        keeping: Keeping | None = None,
        parking: Parking | None = None,
        door: str = "mcp",
    ) -> None:
        self._door = door
        self._admission = admission
        self._servers = servers
        self._sessions = sessions
        self._later: Later | None = None
        tasks = None
        if keeping is not None:
            ledger, waiting, clock = keeping
            self._later = later = Later(
                ledger=ledger, waiting=waiting, admission=admission, seal=seal, make=self.answer
            )
            carried = Carried(ledger=ledger, servers=servers, admission=admission, clock=clock)
            tasks = Tasks(ledger=ledger, later=later, carried=carried)
        self._turns = Turns(
            servers=servers,
            sessions=sessions,
            catalogue=catalogue,
            watch=watch,
            tasks=tasks,
            rounds=Rounds(seal=seal, tasks=tasks, parking=parking),
        )

    async def answer(self, inbound: Inbound, message: Message, relay: Relay | None = None) -> Answer:
        """The answer to one message; never raises for what a caller or a server did."""
        era = envelope.era_of(message, inbound.headers)
        broken: ProtocolError | None = None
        method = methods.METHODS["ping"]
        target = Target(
            action="server.connect", resource=methods.server_resource(inbound.server), server=inbound.server
        )
        try:
            method, target = self._read(inbound, message, era)
        except ProtocolError as error:
            broken = error
        call = self._call(inbound, message, target, era=era, broken=broken)
        try:
            async with self._admission.admit(call) as passage:
                if broken is not None:
                    passage.note(status="refused", error=str(broken))
                    return refused(message.id, broken, trace=inbound.trace)
                given = await self._admitted(
                    passage, inbound, message, (method, target, era), relay or Silent()
                )
                return msgspec.structs.replace(
                    given, headers={**given.headers, "Server-Timing": passage.server_timing}
                )
        except DeniedError as error:
            later = self._later
            given = (
                await later.instead(inbound, message, target, error, era=era) if later is not None else None
            )
            if given is not None:
                return given
            return _in_session(denied(message.id, error), inbound, message)
        except RecordUnavailableError as error:
            return _in_session(unavailable(message.id, error, trace=inbound.trace), inbound, message)

    async def end(self, inbound: Inbound) -> Answer:
        """DELETE: the caller is done with its session."""
        target = Target(
            action="server.connect", resource=methods.server_resource(inbound.server), server=inbound.server
        )
        call = self._call(inbound, Message(method="session/end"), target, era="old", broken=None)
        try:
            async with self._admission.admit(call) as passage:
                session = self._sessions.find(
                    inbound.headers.session or "", principal=passage.principal.id, server=inbound.server
                )
                if session is None:
                    passage.note(status="refused", error="There is no such session of this principal here.")
                    return Answer(status=404)
                self._sessions.end(session)
                caller = caller_of(passage, Message(), session, "old")
                for name in self._servers.names:
                    upstream = self._servers.get(name)
                    if upstream is not None and inbound.server in ("", name):
                        await upstream.forget(passage, caller)
                return Answer(status=204)
        except DeniedError as error:
            return denied(None, error)
        except RecordUnavailableError as error:
            return unavailable(None, error, trace=inbound.trace)

    async def listen(
        self, inbound: Inbound, send: Callable[[Replay, int | None], Awaitable[Answer]]
    ) -> Answer:
        """GET: let a session hear what belongs to none of its requests, or the rest of an answer that broke off."""
        target = Target(
            action="server.connect", resource=methods.server_resource(inbound.server), server=inbound.server
        )
        call = self._call(inbound, Message(method="session/listen"), target, era="old", broken=None)
        try:
            async with self._admission.admit(call) as passage:
                session = self._sessions.find(
                    inbound.headers.session or "", principal=passage.principal.id, server=inbound.server
                )
                if session is None:
                    passage.note(status="refused", error="There is no such session of this principal here.")
                    return Answer(status=404)
                place = place_of(inbound.headers.last_event) if inbound.headers.last_event else None
                replay = session.stream(place[0]) if place else session.standing
                if replay is None:
                    passage.note(status="refused", error="Nothing is kept of the stream that it asks for.")
                    return Answer(status=400)
                caller = caller_of(passage, Message(), session, "old")
                async with asyncio.TaskGroup() as group:
                    hearing = [
                        group.create_task(one)
                        for one in self._heard(passage, session, caller, inbound.server)
                    ]
                    answer = await send(replay, place[1] if place else None)
                    for task in hearing:
                        task.cancel()
                return answer
        except DeniedError as error:
            return denied(None, error)
        except RecordUnavailableError as error:
            return unavailable(None, error, trace=inbound.trace)

    def _heard(
        self, passage: Passage, session: Session, caller: Caller, server: str
    ) -> Iterator[Coroutine[None, None, None]]:
        """What listens to each server of the endpoint that the caller may reach."""
        for name in self._servers.names:
            upstream = self._servers.get(name)
            reachable = server == name or (
                not server and passage.may("server.connect", methods.server_resource(name))
            )
            if upstream is not None and reachable:
                line = SessionLine(session, passage, server=name)
                yield upstream.listen(passage, msgspec.structs.replace(caller, line=line))

    async def refuse(self, inbound: Inbound, error: ProtocolError) -> Answer:
        """The answer to a body that is no message; recorded where somebody claimed to be someone."""
        if isinstance(inbound.credential, NoCredential):
            return refused(error.id, error, trace=inbound.trace)
        resource = methods.server_resource(inbound.server)
        call = self._call(
            inbound, Message(), Target(action="server.connect", resource=resource), era="old", broken=error
        )
        try:
            async with self._admission.admit(call) as passage:
                passage.note(status="refused", error=str(error))
        except DeniedError as denial:
            return denied(error.id, denial)
        except RecordUnavailableError as away:
            return unavailable(error.id, away, trace=inbound.trace)
        return refused(error.id, error, trace=inbound.trace)

    def _read(self, inbound: Inbound, message: Message, era: Era) -> tuple[Method, Target]:
        if inbound.server and self._servers.get(inbound.server) is None:
            raise ProtocolError(
                f"There is no tool server {inbound.server!r} here.", number=INVALID_PARAMS, status=404
            )
        if message.kind != "request":
            return methods.METHODS["ping"], Target(
                action="server.connect",
                resource=methods.server_resource(inbound.server),
                server=inbound.server,
            )
        if era == "modern":
            if inbound.batched:
                raise ProtocolError("This revision has no batches.", number=protocol.INVALID_REQUEST)
            envelope.check(message, inbound.headers)
        method = methods.find(message, era)
        return method, methods.target_of(message, method, server=inbound.server, servers=self._servers.names)

    def _call(
        self, inbound: Inbound, message: Message, target: Target, *, era: Era, broken: ProtocolError | None
    ) -> Call:
        details: dict[str, Any] = {"method": message.method[:200], "era": era}
        if broken is not None:
            details["refused"] = str(broken)[:500]
        return Call(
            door=self._door,
            action=target.action,
            resource=target.resource,
            trace=inbound.trace,
            credential=inbound.credential,
            arguments=target.arguments,
            details=details,
            client=inbound.client,
            address=inbound.address,
            session=inbound.headers.session or "",
        )

    async def _admitted(
        self,
        passage: Passage,
        inbound: Inbound,
        message: Message,
        what: tuple[Method, Target, Era],
        relay: Relay,
    ) -> Answer:
        method, target, era = what
        session = None
        if era == "old" and inbound.headers.session is not None and message.method != "initialize":
            session = self._sessions.find(
                inbound.headers.session, principal=passage.principal.id, server=inbound.server
            )
            if session is None:
                passage.note(status="refused", error="There is no such session of this principal here.")
                gone = ProtocolError(
                    "There is no such session; initialize again.", number=protocol.INVALID_REQUEST, status=404
                )
                return refused(message.id, gone, trace=inbound.trace)
        turn = Turn(
            passage=passage,
            inbound=inbound,
            message=message,
            method=method,
            target=target,
            caller=caller_of(passage, message, session, era),
            session=session,
        )
        relay.session = session
        if message.kind != "request":
            return await self._turns.take(turn)
        return await self._turns.answer(turn, relay)


def _in_session(answer: Answer, inbound: Inbound, message: Message) -> Answer:
    """A refusal as an answer within a session: there clients take any other status for the end of all of it.

    (The Python SDK before 2 does.) A 401 stays one, because it is what makes a client sign in again.
    """
    if inbound.headers.session is None or message.kind != "request" or answer.status == 401:
        return answer
    return msgspec.structs.replace(answer, status=200)
