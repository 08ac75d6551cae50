"""Signing in at the site's tool servers: wired, and what happens to tokens put into the record."""

from collections.abc import Iterator, Mapping
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit

from app.audit.event import Event
from app.config import Profile
from app.core.call import Resource
from app.core.ids import child_span, uuid7_text
from app.core.passage import Passage
from app.egress import Connector
from app.mcp.oauth import CALLBACK, DOCUMENT, Fetch, Parts, SignIns, document
from app.secrets.signins.records import CLIENT, SITE, SignInRow
from app.server.checks import Finding
from app.server.declared import Declared
from app.server.first_run import host_call
from app.server.listen.listener import is_loopback
from app.server.site import Site


def sign_in_parts(site: Site, connector: Connector, tls: SSLContext) -> Parts:
    """What signing in and using tokens share on this site."""

    def note(passage: Passage, action: str, server: str, facts: Mapping[str, Any]) -> None:
        site.recorder.post(_event(site, passage, action, server, facts))

    return Parts.of(
        Fetch(connector=connector, tls=tls),
        vault=site.secrets.sign_ins,
        broker=site.secrets.broker,
        clock=site.clock,
        entries=lambda: site.declared.mcp.servers,
        site=lambda: site.declared.url,
        public=site.profile.listen.url.rstrip("/"),
        note=note,
    )


def sign_in_findings(profile: Profile) -> Iterator[Finding]:
    """Whether browsers can come back from each server that wants a sign-in; who is signed in, `mcp sign-ins` says."""
    url = Declared(profile).url
    for name, entry in profile.mcp.servers.items():
        if not entry.oauth.issuers:
            continue
        place = urlsplit(url)
        if not url:
            found, remedy = "it is not known how browsers come back here", "Set listen.url in the profile."
        elif place.scheme == "http" and not is_loopback(place.hostname or ""):
            found, remedy = f"browsers come back to {url} in clear", "Set listen.url to an https:// address."
        else:
            found, remedy = f"redirect {url}{CALLBACK}, by {', '.join(entry.oauth.issuers)}", ""
        yield Finding(check=f"sign-in {name}", state="warn" if remedy else "ok", found=found, remedy=remedy)


async def end_of_the_gone(site: Site, sign_ins: SignIns) -> None:
    """End the sign-ins of accounts that are disabled or deleted; they could not be used any more anyway."""
    rows = [
        row for row in await site.secrets.sign_ins.rows() if row.state == "signed in" and _is_account(row)
    ]
    if not rows:
        return
    accounts = [*await site.identity.users.list_all(), *await site.identity.services.list_all()]
    active = {str(account.id) for account in accounts if account.state == "active"}
    for row in rows:
        if row.principal not in active:
            call = host_call("admin.server.sign_out", Resource("server", row.server))
            async with site.admission.admit(call) as passage:
                await sign_ins.end(passage, row, problem="the account is disabled")


def _is_account(row: SignInRow) -> bool:
    return row.principal not in (SITE, CLIENT) and not row.principal.startswith("uid:")


def client_document(site: Site) -> Mapping[str, Any] | None:
    """The client metadata document, where authorization servers can read it."""
    public = site.profile.listen.url.rstrip("/")
    return document(public + DOCUMENT, public + CALLBACK) if public.startswith("https:") else None


def _event(site: Site, passage: Passage, action: str, server: str, facts: Mapping[str, Any]) -> Event:
    """A row below the call that caused it: who called stands there, and nobody's name here."""
    now, span = site.clock.now(), child_span(passage.trace)
    identifier = uuid7_text(now_us=int(now.timestamp() * 1_000_000))
    return Event(
        id=identifier,
        call=identifier,
        time=now.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        kind="event",
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_id,
        door="server",
        action=action,
        resource_kind="server",
        resource=server,
        actor="sallyport",
        actor_kind="system",
        actor_id="system",
        status="error" if "failed" in facts else "ok",
        body=dict(facts),
    )
