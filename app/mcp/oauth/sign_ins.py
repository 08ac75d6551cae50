"""Signing in at a tool server and out again: begun for one principal, completed once, by the same one."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from app.config.tools import McpServer
from app.core.call import Resource
from app.core.errors import BoxError, ConflictError, InputError, NotFoundError
from app.core.passage import Passage
from app.mcp.oauth.discovery import Found
from app.mcp.oauth.keeping import row_of
from app.mcp.oauth.metadata import union
from app.mcp.oauth.owners import action_of, owner_of
from app.mcp.oauth.parts import Parts
from app.mcp.oauth.tokens import known_code
from app.mcp.oauth.wanted import SignInError, TokenError
from app.secrets.signins import Attempt, Begun, Client, Grant, SignInState, Via
from app.secrets.signins.records import CLIENT, AttemptRow, SignInRow

CALLBACK = "/oauth/upstream/callback"
DOCUMENT = "/oauth/upstream/client.json"
_LONGEST = 4096
_AGAIN = "Begin again."


class SignIns:
    """Implements `app.secrets.signins.SignsIn`. `new_secret` makes unguessable text, for states and verifiers."""

    def __init__(
        self, parts: Parts, *, new_secret: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    ) -> None:
        self._parts = parts
        self._vault = parts.vault
        self._new_secret = new_secret

    def action(self, server: str, *, out: bool = False) -> str:
        """What it is to policy."""
        return action_of(self._entry(server), out=out)

    # --- looking

    async def overview(self, passage: Passage) -> Sequence[SignInState]:
        """Of every server that wants a sign-in and that the caller may reach."""
        return [
            await self._standing(passage, name)
            for name, entry in sorted(self._parts.entries().items())
            if entry.oauth.issuers and passage.may(action_of(entry, out=False), Resource("server", name))
        ]

    async def standing(self, passage: Passage, server: str) -> SignInState:
        """Of one."""
        self._entry(server)
        return await self._standing(passage, server)

    async def _standing(self, passage: Passage, server: str) -> SignInState:
        entry = self._entry(server)
        owner = owner_of(entry, passage.principal)
        row = await self._vault.row(server, owner) if owner else None
        return state_of(server, entry, row, by_itself=owner == CLIENT, page=self._parts.page(server))

    # --- in

    async def begin(self, passage: Passage, server: str, *, via: Via) -> Begun:
        """Discover, choose a client, and say where the browser goes."""
        entry, owner = self._for(passage, server)
        if owner == CLIENT:
            raise ConflictError(
                f"Nobody signs in at {server}: its tokens are the client's own.", remedy="Just use it."
            )
        if not owner:
            raise ConflictError("Somebody unknown cannot sign in.", remedy="Sign in to Sallyport first.")
        site = self._parts.site()
        if not site:
            raise ConflictError(
                "It is not known how browsers reach this site.", remedy="Set listen.url in the profile."
            )
        found = await self._parts.discovery.find(passage, server, entry)
        own = self._parts.public + DOCUMENT if self._parts.public.startswith("https:") else ""
        client = await self._parts.clients.choose(
            passage, server, entry, found.authority, redirect=site + CALLBACK, own=own
        )
        scopes = _wished(entry, found, await self._vault.row(server, owner))
        attempt = _attempt(
            server, found, client, redirect=site + CALLBACK, scopes=scopes, verifier=self._new_secret()
        )
        state = self._new_secret()
        expires = await self._vault.begin(passage, state, attempt, principal=owner, via=via)
        facts = {"issuer": attempt.issuer, "client_id": client.id, "scopes": list(scopes)}
        passage.note(result={"begun": server, **facts})
        return Begun(
            server=server,
            url=_authorization_url(found, attempt, state),
            issuer=attempt.issuer,
            client_id=client.id,
            scopes=scopes,
            expires=expires,
            state=state,
        )

    async def begun(self, state: str) -> tuple[str, Via] | None:
        """For the door that a browser comes back to."""
        row = await self._vault.begun(state) if 0 < len(state) <= _LONGEST else None
        return (row.server, row.via) if row is not None else None

    async def park(self, state: str, answer: Mapping[str, str]) -> None:
        """For the command that waits; redeemed there, inside its own call."""
        row = await self._vault.begun(state)
        if row is None or row.via != "cli" or not await self._vault.park(row, answer):
            raise InputError("This sign-in is over, or was answered before.", remedy=_AGAIN)

    async def parked(self, state: str) -> dict[str, str] | None:
        """What a browser brought, for the command that began."""
        return await self._vault.parked(state)

    async def complete(self, passage: Passage, answer: Mapping[str, str]) -> SignInState:
        """Check who comes back and from where, use the state up, redeem the code, keep the tokens."""
        state = answer.get("state", "")
        row = await self._vault.begun(state) if 0 < len(state) <= _LONGEST else None
        if row is None:
            raise InputError(
                "This sign-in is not known here, was completed, or took too long.", remedy=_AGAIN
            )
        entry, owner = self._for(passage, row.server)
        _check_return(passage, row, owner)
        attempt = await self._vault.use(row)
        code = _code(attempt, answer)
        secret = self._parts.secret(passage, row.server, attempt.client)
        try:
            received = await self._parts.tokens.redeem(passage, attempt, code, secret=secret)
        except TokenError as error:
            if error.code == "invalid_client" and attempt.client.source == "registered":
                await self._vault.forget_client(row.server, attempt.issuer, attempt.client.id)
                error.remedy = "The registration is forgotten; sign in once more."
            raise
        grant = Grant(
            access=received.access,
            refresh=received.refresh,
            client=attempt.client,
            issuer=attempt.issuer,
            token_endpoint=attempt.token_endpoint,
            revocation_endpoint=attempt.revocation_endpoint,
            resource=attempt.resource,
        )
        kept = row_of(
            server=row.server, principal=owner, grant=grant, received=received, scopes=attempt.scopes,
            now=self._parts.clock.now(),
        )  # fmt: skip
        held = await self._vault.keep(passage, kept, grant)
        passage.note(result=facts_of(held.row))
        return state_of(row.server, entry, held.row, by_itself=False, page=self._parts.page(row.server))

    # --- out

    async def sign_out(self, passage: Passage, server: str) -> SignInState:
        """Destroy the tokens here first, then take them back there; what fails there is said in the record."""
        entry, owner = self._for(passage, server, out=True)
        row = await self._vault.row(server, owner) if owner else None
        if row is None or row.state != "signed in":
            raise ConflictError(f"There is no sign-in at {server}.", remedy="")
        await self.end(passage, row)
        return state_of(server, entry, None, by_itself=owner == CLIENT, page=self._parts.page(server))

    async def end(self, passage: Passage, row: SignInRow, *, problem: str = "") -> None:
        """Destroy these tokens, whosever they are, and revoke them; for those who were admitted to do that."""
        try:
            held = await self._vault.find(row.server, row.principal, fresh=True)
        except BoxError:
            held = None  # a box that does not open is let go all the same
        await self._vault.end(row, problem=problem)
        revoked = False
        if held is not None and row.server in self._parts.entries():
            try:
                secret = self._parts.secret(passage, row.server, held.grant.client)
                revoked = await self._parts.tokens.revoke(passage, held.grant, secret=secret)
            except SignInError as error:
                passage.note(error=error.message)
        passage.note(result={**facts_of(row), "revoked": revoked})

    # --- both

    def _entry(self, server: str) -> McpServer:
        entry = self._parts.entries().get(server)
        if entry is None or not entry.oauth.issuers:
            raise NotFoundError(
                f"There is no tool server {server[:80]!r} that wants a sign-in.",
                remedy="See mcp.servers in the profile.",
            )
        return entry

    def _for(self, passage: Passage, server: str, *, out: bool = False) -> tuple[McpServer, str]:
        """The entry and the owner; a passage of another action or server is a mistake of ours."""
        entry = self._entry(server)
        wanted = action_of(entry, out=out), server
        if (passage.call.action, passage.call.resource.name) != wanted or passage.settled:
            raise InputError(
                f"This call is about {passage.call.resource}, and the sign-in about {server}.", remedy=_AGAIN
            )
        return entry, owner_of(entry, passage.principal)


def facts_of(row: SignInRow) -> dict[str, object]:
    """What the record says of a sign-in: never a value."""
    return {
        "issuer": row.issuer,
        "client_id": row.client_id,
        "scopes": list(row.scopes),
        "version": row.version,
        "until": row.expires.isoformat() if row.expires else "",
        "renewed": row.refreshable,
    }


def state_of(
    server: str, entry: McpServer, row: SignInRow | None, *, by_itself: bool, page: str
) -> SignInState:
    """A row as people see it."""
    state = row.state if row is not None else "wanted"
    return SignInState(
        server=server,
        per=entry.oauth.per,
        state="client" if by_itself else state,
        problem=row.problem if row is not None else "",
        issuer=row.issuer if row is not None else "",
        client_id=row.client_id if row is not None else "",
        scopes=row.scopes if row is not None else (),
        wanted=row.wanted if row is not None else (),
        until=row.expires if row is not None else None,
        renewed=row.refreshable if row is not None else False,
        sign_in="" if by_itself else page,
    )


def _wished(entry: McpServer, found: Found, row: SignInRow | None) -> tuple[str, ...]:
    """The profile's scopes, else the server's; with what was missing, and what was there, and a refresh token."""
    more = (*row.scopes, *row.wanted) if row is not None and row.wanted else ()
    scopes = union(entry.oauth.scopes or found.scopes, more)
    lasting = "offline_access" in found.authority.scopes_supported
    return union(scopes, ["offline_access"]) if lasting else scopes


def _attempt(
    server: str, found: Found, client: Client, *, redirect: str, scopes: tuple[str, ...], verifier: str
) -> Attempt:
    authority = found.authority
    return Attempt(
        server=server,
        verifier=verifier,
        client=client,
        issuer=authority.issuer,
        issuer_announced=authority.authorization_response_iss_parameter_supported,
        token_endpoint=authority.token_endpoint,
        revocation_endpoint=authority.revocation_endpoint,
        resource=found.resource,
        redirect=redirect,
        scopes=scopes,
    )


def _authorization_url(found: Found, attempt: Attempt, state: str) -> str:
    challenge = urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).decode().rstrip("=")
    fields = {
        "response_type": "code",
        "client_id": attempt.client.id,
        "redirect_uri": attempt.redirect,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "resource": attempt.resource,
    }
    if attempt.scopes:
        fields["scope"] = " ".join(attempt.scopes)
    if "offline_access" in attempt.scopes:
        fields["prompt"] = "consent"
    endpoint = found.authority.authorization_endpoint
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(fields)}"


def _check_return(passage: Passage, row: AttemptRow, owner: str) -> None:
    """A state found by somebody else is worth nothing to them, and stays for whom it was made."""
    session = passage.principal.session
    if row.principal != owner or (row.via == "console" and row.session != session):
        passage.note(status="refused", error="The sign-in was begun by somebody else, or in another session.")
        raise InputError(
            "This sign-in was begun by somebody else, or in another session.",
            remedy="Open it in the browser where it was begun.",
            status=403,
        )


def _code(attempt: Attempt, answer: Mapping[str, str]) -> str:
    """The code, if it comes from whom it was asked of (RFC 9207)."""
    issuer = answer.get("iss")
    if issuer is None and attempt.issuer_announced:
        raise SignInError(
            "The answer does not name its authorization server, which says that it always does."
        )
    if issuer is not None and issuer != attempt.issuer:
        raise SignInError(f"The answer comes from {issuer[:200]!r}, and {attempt.issuer} was asked.")
    if "error" in answer:
        raise SignInError(
            f"The authorization server {attempt.issuer} refused: {known_code(answer['error'])}.",
            remedy=_AGAIN,
        )
    code = answer.get("code", "")
    if not 0 < len(code) <= _LONGEST:
        raise SignInError("The answer holds no code.", remedy=_AGAIN)
    return code
