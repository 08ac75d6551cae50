"""What one tool server may be given of the store of secrets, and what is taken out of all that it says."""

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from app.core.errors import EgressError, SecretError, UpstreamError
from app.core.passage import Passage
from app.mcp.oauth import Authorizes
from app.mcp.upstream.ports import Caller, Description, Line, Outgoing, Relay, Reply, Respond, Upstream
from app.secrets import NOTHING, Broker, Injection, Redactor, Stream

Fields = tuple[tuple[str, str], ...]


class Secrecy:
    """One server's share: `declared` is the `secrets` of its entry in the profile."""

    def __init__(
        self,
        name: str,
        *,
        redactor: Redactor,
        broker: Broker | None = None,
        declared: Mapping[str, str] | None = None,
    ) -> None:
        self.redactor = redactor
        self._recipient = f"server:{name}"
        self._broker = broker
        self._declared = dict(declared or {})

    def injection(self) -> Injection:
        """For the supervisor's spawn; UpstreamError when a secret cannot be given, and then nothing is started."""
        if self._broker is None or not self._declared:
            return NOTHING
        try:
            return self._broker.injection(self._recipient, self._declared)
        except SecretError as error:
            raise UpstreamError(str(error), kind="connect") from None

    def fields(self, passage: Passage) -> Fields:
        """Header fields for one request; UpstreamError when a secret cannot be given, and then nothing is sent."""
        if self._broker is None or not self._declared:
            return ()
        try:
            return self._broker.fields(passage, self._recipient, self._declared)
        except SecretError as error:
            raise UpstreamError(str(error), kind="connect", status=503) from None

    def stream(self) -> Stream:
        """For what a program writes to its standard error."""
        return Stream(self.redactor)


def nothing_secret(name: str) -> Secrecy:
    """Of a server that declares nothing, where nothing is known."""
    return Secrecy(name, redactor=Redactor())


class Redacted:
    """An upstream whose every answer, message and error is free of known secrets."""

    def __init__(self, upstream: Upstream, redactor: Redactor, *, age: int = 0) -> None:
        self._age = age
        self.name = upstream.name
        self.sessions = upstream.sessions
        self._upstream = upstream
        self._redactor = redactor
        self._source = f"The tool server {upstream.name}"

    def of(self, caller: Caller, method: str) -> Upstream:
        """As the upstream does, cleaned."""
        mine = self._upstream.of(self._heard(caller), method)
        return Redacted(mine, self._redactor, age=self._age)

    def place(self, caller: Caller) -> str:
        """As the upstream does."""
        return self._upstream.place(caller)

    @property
    def changes(self) -> int:
        """As the upstream counts them; one that took another's place is a change of all that was there."""
        return (self._age << 64) + self._upstream.changes

    async def run(self) -> None:
        """As the upstream does."""
        await self._upstream.run()

    def renew(self) -> None:
        """As the upstream does."""
        self._upstream.renew()

    async def describe(self, passage: Passage, caller: Caller) -> Description:
        """Its description, cleaned."""
        try:
            found = await self._upstream.describe(passage, self._heard(caller))
        except (UpstreamError, EgressError) as error:
            raise self._clean(error) from None
        return msgspec.convert(self._redactor.decoded(msgspec.to_builtins(found)), Description)

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Its answer, cleaned; withheld when it cannot be."""
        try:
            reply = await self._upstream.request(
                passage, self._heard(caller), outgoing, _CleanRelay(relay, self._redactor, self._source)
            )
        except (UpstreamError, EgressError) as error:
            raise self._clean(error) from None
        if not self._redactor.matcher:
            return reply
        return msgspec.structs.replace(reply, result=self._raw(reply.result), error=self._raw(reply.error))

    async def listen(self, passage: Passage, caller: Caller) -> None:
        """As the upstream does, cleaned."""
        await self._upstream.listen(passage, self._heard(caller))

    async def forget(self, passage: Passage, caller: Caller) -> None:
        """As the upstream does."""
        await self._upstream.forget(passage, caller)

    def state(self) -> Any:
        """As the upstream does; whoever shows it cleans it."""
        return self._upstream.state()

    def _heard(self, caller: Caller) -> Caller:
        """The caller, whose line hears nothing that is known to be secret."""
        if caller.line is None:
            return caller
        return msgspec.structs.replace(caller, line=_CleanLine(caller.line, self._redactor, self._source))

    def _raw(self, raw: Raw | None) -> Raw | None:
        return Raw(self._redactor.json(bytes(raw), source=self._source)) if raw is not None else None

    def _clean(self, error: UpstreamError | EgressError) -> UpstreamError | EgressError:
        error.message = self._redactor.text(error.message)
        error.remedy = self._redactor.text(error.remedy)
        error.args = (error.message,)
        return error


class _CleanLine:
    """The caller's line, cleaned."""

    def __init__(self, line: Line, redactor: Redactor, source: str) -> None:
        self._line = line
        self._redactor = redactor
        self._source = source

    @property
    def open(self) -> bool:
        """As the line is."""
        return self._line.open

    def notify(self, message: bytes) -> None:
        """Pass it on, cleaned."""
        self._line.notify(self._redactor.json(message, source=self._source))

    def ask(self, method: str, params: Raw | None, respond: Respond) -> bool:
        """Pass it on, cleaned."""
        if params is not None:
            params = Raw(self._redactor.json(bytes(params), source=self._source))
        return self._line.ask(self._redactor.text(method), params, respond)


class SignedIn(Redacted):
    """An upstream whose answers to each caller are free of that caller's tokens."""

    def __init__(self, upstream: Upstream, bearer: Authorizes) -> None:
        super().__init__(upstream, Redactor())
        self._bearer = bearer

    def of(self, caller: Caller, method: str) -> "SignedIn":
        """Itself: a remote server is one for all."""
        return self

    async def describe(self, passage: Passage, caller: Caller) -> Description:
        """Its description, cleaned."""
        return await self._for(passage).describe(passage, await self._as(passage, caller))

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Its answer, cleaned."""
        return await self._for(passage).request(passage, await self._as(passage, caller), outgoing, relay)

    async def forget(self, passage: Passage, caller: Caller) -> None:
        """The session there of this sign-in; without one there is nothing to end."""
        with contextlib.suppress(UpstreamError, EgressError):
            await super().forget(passage, await self._as(passage, caller))

    async def _as(self, passage: Passage, caller: Caller) -> Caller:
        """Sessions are of a sign-in: who signs in anew there, perhaps as somebody else, begins anew."""
        return msgspec.structs.replace(caller, principal=await self._bearer.whose(passage))

    async def listen(self, passage: Passage, caller: Caller) -> None:
        """What it says on its own, cleaned."""
        await self._for(passage).listen(passage, caller)

    def _for(self, passage: Passage) -> Redacted:
        return Redacted(self._upstream, self._bearer.redactor(passage))


class _CleanRelay:
    """The caller's side: what the server says meanwhile is cleaned; what cannot be is dropped."""

    def __init__(self, relay: Relay, redactor: Redactor, source: str) -> None:
        self._relay = relay
        self._redactor = redactor
        self._source = source

    @property
    def session(self) -> Any:
        """The caller's own."""
        return self._relay.session

    @session.setter
    def session(self, session: Any) -> None:
        self._relay.session = session

    async def notify(self, message: bytes) -> None:
        """Pass it on, cleaned."""
        await self._relay.notify(self._redactor.json(message, source=self._source))

    async def ask(self, method: str, params: Raw | None, respond: Respond) -> bool:
        """Pass it on, cleaned."""
        if params is not None:
            params = Raw(self._redactor.json(bytes(params), source=self._source))
        return await self._relay.ask(self._redactor.text(method), params, respond)
