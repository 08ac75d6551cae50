"""`mcp sign-in|sign-out|sign-ins`: the sign-ins of this host's operator, or of the owner of a key, and those of all."""

import asyncio
import functools
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from app.cli.site import Output, json_option, operator_call, site_options, site_profile
from app.core.call import BearerToken, Call, Resource
from app.core.errors import InputError
from app.egress import Connector
from app.egress.trust import client_context
from app.mcp.oauth import SignIns
from app.secrets.signins import Begun
from app.secrets.signins.records import CLIENT, SITE
from app.secrets.signins.returned import query_fields
from app.server.process import run_guarded
from app.server.site import Site, open_site
from app.server.tools import sign_in_parts

_PAUSE = 0.3
_WHOM = {SITE: "everybody", CLIENT: "the client itself"}


class Desk:
    """Who signs in where: the operator, or the owner of `key`."""

    def __init__(self, *, site: Site, sign_ins: SignIns, key: str) -> None:
        self.site = site
        self.sign_ins = sign_ins
        self._key = key

    def call(self, action: str, server: str) -> Call:
        """A call about a server."""
        call = operator_call(action, Resource("server", server))
        return msgspec.structs.replace(call, credential=BearerToken(self._key)) if self._key else call


def _with_desk(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Turn `async f(desk, output, …)` into a command body with --data, --profile, --key and --json."""

    @site_options
    @json_option
    @click.option(
        "--key", envvar="SALLYPORT_KEY", default="", help="API key to sign in for; default: the operator."
    )
    @functools.wraps(function)
    def command(data: Path | None, profile: Path | None, as_json: bool, key: str, **arguments: Any) -> None:
        loaded, folder = site_profile(data, profile)

        async def run(connector: Connector) -> None:
            async with open_site(loaded, folder=folder, serving=False) as site:
                await site.secrets.catalogue.open()
                await site.identity.refresh()
                desk = Desk(
                    site=site,
                    sign_ins=SignIns(sign_in_parts(site, connector, client_context(site.profile.egress))),
                    key=key,
                )
                await function(desk, Output(as_json=as_json), **arguments)

        run_guarded(loaded, run, fast=False)

    return command


@click.command("sign-in")
@click.argument("server")
@click.option(
    "--paste", is_flag=True, help="For a browser that cannot reach this site: paste where it ended."
)
@_with_desk
async def sign_in(desk: Desk, output: Output, server: str, paste: bool) -> None:
    """Sign in at the tool server SERVER: prints an address for a browser, and waits until it came back."""
    action = desk.sign_ins.action(server)
    async with desk.site.admission.admit(desk.call(action, server)) as passage:
        begun = await desk.sign_ins.begin(passage, server, via="cli")
    _say(output, begun, paste=paste)
    answer = await _pasted() if paste else await _returned(desk, begun)
    async with desk.site.admission.admit(desk.call(action, server)) as passage:
        if answer.get("state") != begun.state:
            raise InputError("That address is of another sign-in.", remedy="Begin again.")
        done = await desk.sign_ins.complete(passage, answer)
    until = f", until {done.until:%Y-%m-%d %H:%M} UTC" if done.until else ""
    renewed = ", renewed by itself" if done.renewed else ""
    scopes = f" Scopes: {', '.join(done.scopes)}." if done.scopes else ""
    output.value(done, f"Signed in at {server} by {done.issuer}{until}{renewed}.{scopes}")


def _say(output: Output, begun: Begun, *, paste: bool) -> None:
    if output.as_json:
        output.value({"url": begun.url, "issuer": begun.issuer, "expires": begun.expires})
    else:
        click.echo(f"Open this address in a browser:\n\n  {begun.url}\n")
        last = (
            "Then paste here the whole address that it ends at:" if paste else "Waiting for it to come back …"
        )
        click.echo(last)
    sys.stdout.flush()


async def _pasted() -> Mapping[str, str]:
    return query_fields(await asyncio.to_thread(sys.stdin.readline))


async def _returned(desk: Desk, begun: Begun) -> Mapping[str, str]:
    """What the running server was brought; InputError after ten minutes."""
    while True:
        if (answer := await desk.sign_ins.parked(begun.state)) is not None:
            return answer
        await asyncio.sleep(_PAUSE)


@click.command("sign-out")
@click.argument("server")
@_with_desk
async def sign_out(desk: Desk, output: Output, server: str) -> None:
    """Sign out at the tool server SERVER: its tokens are destroyed here and revoked there."""
    action = desk.sign_ins.action(server, out=True)
    async with desk.site.admission.admit(desk.call(action, server)) as passage:
        done = await desk.sign_ins.sign_out(passage, server)
    output.value(done, f"Signed out at {server}.")


@click.command("sign-ins")
@_with_desk
async def sign_ins(desk: Desk, output: Output) -> None:
    """List who is signed in where."""
    async with desk.site.admission.admit(desk.call("admin.server.list", "*")):
        rows = await desk.site.secrets.sign_ins.rows()
        names = {str(account.id): account.name for account in await _accounts(desk.site)}
    shown = [
        {
            "server": row.server,
            "who": names.get(row.principal) or _WHOM.get(row.principal, row.principal),
            "state": row.state,
            "until": row.expires.isoformat() if row.expires else "",
            "renewed": row.refreshable,
            "issuer": row.issuer,
            "scopes": list(row.scopes),
            "problem": row.problem,
        }
        for row in rows
    ]
    columns: dict[str, Callable[[Any], object]] = {
        "server": lambda row: row["server"],
        "who": lambda row: row["who"],
        "state": lambda row: row["state"],
        "until": lambda row: row["until"][:16].replace("T", " ") + (" renewed" if row["renewed"] else ""),
        "scopes": lambda row: " ".join(row["scopes"]),
        "problem": lambda row: row["problem"],
    }
    output.table(shown, columns)


async def _accounts(site: Site) -> list[Any]:
    return [*await site.identity.users.list_all(), *await site.identity.services.list_all()]
