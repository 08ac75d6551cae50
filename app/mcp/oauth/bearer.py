"""The token of each request to one server: the principal's own, renewed by one at a time on all nodes."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

import msgspec

from app.config.tools import McpServer
from app.core.errors import BoxError, ConflictError, DatabaseError, MasterKeyError
from app.core.passage import Passage
from app.mcp.oauth.clients import preregistered
from app.mcp.oauth.discovery import Found
from app.mcp.oauth.keeping import row_of
from app.mcp.oauth.metadata import covers, read_challenge, union
from app.mcp.oauth.owners import owner_of
from app.mcp.oauth.parts import Parts
from app.mcp.oauth.sign_ins import facts_of
from app.mcp.oauth.wanted import SignInError, SignInWanted, TokenError
from app.secrets import Redactor
from app.secrets.signins import Grant, Held
from app.secrets.signins.records import CLIENT, SignInRow

Fields = tuple[tuple[str, str], ...]
_OVER = frozenset({"invalid_grant", "invalid_client", "unauthorized_client"})
"""What a token endpoint says when renewing can never work again."""
_PAUSE = 0.1
_WAITS = 35.0
_REMEMBERED = 2048
_FORBIDDEN = 403
_SHORTEST = 8


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What a server said to a request with the fields that `used`; `again` when it is the second time."""

    status: int
    challenge: str
    used: Fields
    again: bool


class Authorizes(Protocol):
    """What a conversation over HTTP asks about its server."""

    async def fields(self, passage: Passage) -> Fields:
        """Header fields for one request; SignInWanted when the caller has nothing to show."""
        ...

    async def refused(self, passage: Passage, refusal: "Refusal") -> bool:
        """After a 401 or 403: whether to try once more; SignInWanted when a person has to do something."""
        ...

    async def whose(self, passage: Passage) -> str:
        """What tells this sign-in from the one before: sessions there are not carried over."""
        ...

    def redactor(self, passage: Passage) -> Redactor:
        """Knows the values that the caller's requests carry."""
        ...


class Bearer:
    """Of the server `name`."""

    def __init__(self, name: str, entry: McpServer, parts: Parts) -> None:
        self._name = name
        self._entry = entry
        self._parts = parts
        self._locks: dict[str, asyncio.Lock] = {}
        self._redactors: OrderedDict[str, Redactor] = OrderedDict()

    async def fields(self, passage: Passage) -> Fields:
        """Exactly the token of this server and this principal; never what the caller sent to us."""
        with self._in_words():
            held = await self._usable(passage)
        mention = f"sign-in:{self._name}@{held.row.version}"
        if mention not in passage.secrets:
            passage.secrets = (*passage.secrets, mention)
        return _fields(held)

    async def refused(self, passage: Passage, refusal: Refusal) -> bool:
        """A token that is not taken is renewed once; scopes that are missing need a person."""
        with self._in_words():
            return await self._weighed(passage, refusal)

    async def _weighed(self, passage: Passage, refusal: Refusal) -> bool:
        held = await self._find(self._owner(passage), fresh=True)
        if held is None:
            raise self._wanted("you are not signed in there")
        if refusal.status == _FORBIDDEN:
            told = read_challenge(refusal.challenge)
            if told.error != "insufficient_scope":
                return False
            return await self._more_scopes(passage, held, told.scopes, again=refusal.again)
        if refusal.again:
            raise self._wanted("it does not accept the token that its authorization server gave")
        if _fields(held) == refusal.used:  # else somebody renewed it meanwhile
            await self._renewed(passage, held, because="the server refused it")
        return True

    async def whose(self, passage: Passage) -> str:
        """Principal and moment of the sign-in; renewals do not change it."""
        with self._in_words():
            held = await self._usable(passage)
        return f"{held.row.principal} {held.row.signed_in.timestamp()}"

    def redactor(self, passage: Passage) -> Redactor:
        """One for each principal, so that nobody pays for the tokens of others."""
        return self._redactor(self._owner(passage))

    def _redactor(self, owner: str) -> Redactor:
        found = self._redactors.setdefault(owner, Redactor())
        self._redactors.move_to_end(owner)
        if len(self._redactors) > _REMEMBERED:
            self._redactors.popitem(last=False)
        return found

    def _owner(self, passage: Passage) -> str:
        owner = owner_of(self._entry, passage.principal)
        if not owner:
            raise self._wanted("callers without an account cannot use it")
        return owner

    def _wanted(self, why: str, scopes: tuple[str, ...] = ()) -> SignInWanted:
        return SignInWanted(self._name, url=self._parts.page(self._name), why=why, scopes=scopes)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """What the vault or its database cannot do is a failure of this server's, said to its caller."""
        try:
            yield
        except (BoxError, MasterKeyError, DatabaseError) as error:
            raise SignInError(
                f"The sign-in at {self._name} cannot be read: {error.message}",
                remedy=error.remedy,
                status=503,
            ) from None

    async def _find(self, owner: str, *, fresh: bool = False) -> Held | None:
        held = await self._parts.vault.find(self._name, owner, fresh=fresh)
        if held is not None:
            self._redactor(owner).know({f"sign-in:{self._name}": _values(held.grant)})
        return held

    async def _usable(self, passage: Passage) -> Held:
        owner = self._owner(passage)
        held = await self._find(owner)
        if held is None:
            if owner == CLIENT:
                return await self._first_of_client(passage)
            row = await self._parts.vault.row(self._name, owner)
            problem = row.problem if row is not None else ""
            raise self._wanted(
                f"the last sign-in ended ({problem})" if problem else "you are not signed in there"
            )
        self._check_place(held.grant)
        if held.row.renew is None or held.row.renew > self._parts.clock.now():
            return held
        return await self._renewed(passage, held, because="it is about to end")

    def _check_place(self, grant: Grant) -> None:
        """The profile may have changed since: a token goes where it was made for, and nowhere else."""
        if grant.issuer not in self._entry.oauth.issuers:
            raise self._wanted(f"the entry does not name {grant.issuer} any more")
        if not covers(grant.resource, self._entry.url):
            raise self._wanted("the last sign-in was for another address")

    # --- renewing

    async def _renewed(self, passage: Passage, held: Held, *, because: str) -> Held:
        """A newer version, whoever gets it; a caller that goes away does not lose what is on its way."""
        return await asyncio.shield(self._renew(passage, held, because))

    async def _renew(self, passage: Passage, held: Held, because: str) -> Held:
        owner, version = held.row.principal, held.row.version
        async with self._turn(owner):
            deadline = self._parts.clock.monotonic() + _WAITS
            while self._parts.clock.monotonic() < deadline:
                now = await self._find(owner, fresh=True)
                if now is None:
                    raise self._wanted("the sign-in ended")
                if now.row.version != version:
                    return now
                if owner == CLIENT:
                    return await self._of_client(passage, now)
                if not now.row.refreshable:
                    return await self._unrenewable(now, because)
                if await self._parts.vault.lease(now.row):
                    return await self._refreshed(passage, now)
                await asyncio.sleep(_PAUSE)  # another node has the lease
        raise SignInError(f"The token of {self._name} was not renewed in {_WAITS:g} s.", status=504)

    @asynccontextmanager
    async def _turn(self, owner: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(owner, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._locks.pop(owner, None)

    async def _unrenewable(self, held: Held, because: str) -> Held:
        """Without a refresh token it is used to its end."""
        expires = held.row.expires
        if expires is not None and expires > self._parts.clock.now() and because == "it is about to end":
            return held
        await self._parts.vault.end(held.row, problem="the token ended and cannot be renewed")
        raise self._wanted("the token ended and cannot be renewed")

    async def _refreshed(self, passage: Passage, held: Held) -> Held:
        grant, row = held.grant, held.row
        try:
            secret = self._parts.secret(passage, self._name, grant.client)
            received = await self._parts.tokens.renew(passage, grant, secret=secret)
        except TokenError as error:
            if error.code not in _OVER:
                return await self._kept_for_now(held, error)
            await self._parts.vault.end(row, problem=f"the authorization server answered {error.code}")
            if error.code == "invalid_client" and grant.client.source == "registered":
                await self._parts.vault.forget_client(self._name, grant.issuer, grant.client.id)
            self._parts.note(
                passage, "server.token.refresh", self._name, {**facts_of(row), "failed": error.code}
            )
            raise self._wanted(f"its authorization server ended the sign-in ({error.code})") from None
        except SignInError as error:
            return await self._kept_for_now(held, error)
        fresh = Grant(
            access=received.access,
            refresh=received.refresh or grant.refresh,
            client=grant.client,
            issuer=grant.issuer,
            token_endpoint=grant.token_endpoint,
            revocation_endpoint=grant.revocation_endpoint,
            resource=grant.resource,
        )
        kept = row_of(
            server=self._name, principal=row.principal, grant=fresh, received=received, scopes=row.scopes,
            now=self._parts.clock.now(), signed_in=row.signed_in,
        )  # fmt: skip
        kept = msgspec.structs.replace(kept, wanted=row.wanted)
        return await self._keep(passage, kept, fresh, renewed=row.version)

    async def _kept_for_now(self, held: Held, error: SignInError) -> Held:
        """The authorization server is away: what is still good is used."""
        await self._parts.vault.end_lease(held.row)
        if held.row.expires is not None and held.row.expires > self._parts.clock.now():
            return held
        raise error

    async def _keep(self, passage: Passage, row: SignInRow, grant: Grant, *, renewed: int | None) -> Held:
        try:
            held = await self._parts.vault.keep(passage, row, grant, renewed=renewed)
        except ConflictError:
            raise self._wanted("the sign-in ended") from None
        self._redactor(row.principal).know({f"sign-in:{self._name}": _values(grant)})
        self._parts.note(passage, "server.token.refresh", self._name, facts_of(held.row))
        return held

    # --- scopes, and the client by itself

    async def _more_scopes(
        self, passage: Passage, held: Held, scopes: tuple[str, ...], *, again: bool
    ) -> bool:
        missing = tuple(scope for scope in scopes if scope not in held.row.scopes)
        if missing:
            await self._parts.vault.want(held.row, union(held.row.wanted, missing))
        if held.row.principal == CLIENT and missing and not again:
            async with self._turn(CLIENT):
                await self._of_client(passage, await self._find(CLIENT, fresh=True))
            return True
        named = f" ({' '.join(missing)})" if missing else ""
        raise self._wanted(
            f"it needs further scopes{named}; they are asked for when you sign in again", missing
        )

    async def _first_of_client(self, passage: Passage) -> Held:
        async with self._turn(CLIENT):
            return await self._find(CLIENT, fresh=True) or await self._of_client(passage, None)

    async def _of_client(self, passage: Passage, held: Held | None) -> Held:
        """A token for the client itself; all its users are the same client, so there is one for all of them."""
        entry = self._entry
        found = await self._parts.discovery.find(passage, self._name, entry)
        grant = _nothing_yet(entry, found)
        more = (*held.row.scopes, *held.row.wanted) if held is not None else ()
        scopes = union(entry.oauth.scopes or found.scopes, more)
        secret = self._parts.secret(passage, self._name, grant.client)
        received = await self._parts.tokens.of_client(passage, grant, scopes, secret=secret)
        kept = row_of(
            server=self._name, principal=CLIENT, grant=grant, received=received, scopes=scopes,
            now=self._parts.clock.now(),
        )  # fmt: skip
        return await self._keep(passage, kept, _with(grant, received.access), renewed=None)


def _fields(held: Held) -> Fields:
    return (("authorization", f"Bearer {held.grant.access}"),)


def _values(grant: Grant) -> list[bytes]:
    """What is looked for in answers; shorter tokens could not be told from ordinary text."""
    return [value.encode() for value in (grant.access, grant.refresh) if len(value) >= _SHORTEST]


def _nothing_yet(entry: McpServer, found: Found) -> Grant:
    return Grant(
        access="",
        refresh="",
        client=preregistered(entry, found.authority),
        issuer=found.authority.issuer,
        token_endpoint=found.authority.token_endpoint,
        revocation_endpoint=found.authority.revocation_endpoint,
        resource=found.resource,
    )


def _with(grant: Grant, access: str) -> Grant:
    return Grant(
        access=access,
        refresh="",
        client=grant.client,
        issuer=grant.issuer,
        token_endpoint=grant.token_endpoint,
        revocation_endpoint=grant.revocation_endpoint,
        resource=grant.resource,
    )
