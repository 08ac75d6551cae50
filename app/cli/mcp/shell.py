"""A caller at the shell: the site's tool servers under the same policy and record as anybody's calls."""

import asyncio
import functools
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

from app.cli.site import Output, json_option, operator_call, site_options, site_profile
from app.core.call import BearerToken, Credential, Resource
from app.core.errors import NotFoundError, SallyportError
from app.core.ids import new_trace
from app.egress import Connector
from app.egress.trust import client_context
from app.mcp import Calls, Inbound, Servers, open_calls, protocol
from app.server.doors import watch
from app.server.process import run_guarded
from app.server.site import Site, open_site
from app.server.tools import US, builder, sign_in_parts, surroundings, tool_servers


class Shell:
    """The tool servers of a site, started for this command, and a caller at the shell."""

    def __init__(self, *, site: Site, servers: Servers, calls: Calls, key: str) -> None:
        self.site = site
        self.servers = servers
        self._calls = calls
        credential = operator_call("tool.call", Resource("tool", "*")).credential
        self._credential: Credential = BearerToken(key) if key else credential

    async def ask(self, server: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result of one governed request; SallyportError says what was refused, by which trace."""
        if server not in self.servers.names:
            raise NotFoundError(f"There is no tool server {server!r}.", remedy="See `sallyport mcp list`.")
        messages, _ = protocol.parse(protocol.request(1, method, params))
        inbound = Inbound(server=server, credential=self._credential, trace=new_trace(), client="sallyport")
        answer = await self._calls.answer(inbound, messages[0])
        body = json.loads(answer.body)
        if "error" not in body:
            return body["result"]
        trace_id = (body["error"].get("data") or {}).get("trace_id", "")
        remedy = f"See `sallyport audit trace {trace_id}`." if trace_id else ""
        raise SallyportError(body["error"]["message"], remedy=remedy)


def with_servers(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Turn `async f(shell, output, …)` into a command body with --data, --profile, --key and --json."""

    @site_options
    @json_option
    @click.option(
        "--key", envvar="SALLYPORT_KEY", default="", help="API key to call as; default: the operator."
    )
    @functools.wraps(function)
    def command(data: Path | None, profile: Path | None, as_json: bool, key: str, **arguments: Any) -> None:
        loaded, folder = site_profile(data, profile)

        async def run(connector: Connector) -> None:
            async with (
                open_site(loaded, folder=folder, serving=False) as site,
                shell_of(site, connector, key) as shell,
            ):
                await function(shell, Output(as_json=as_json), **arguments)

        run_guarded(loaded, run, fast=False)

    return command


@asynccontextmanager
async def shell_of(site: Site, connector: Connector, key: str) -> AsyncIterator[Shell]:
    """The tool servers of a site, running inside the block; without a key the operator calls them."""
    if any(entry.secrets or entry.oauth.issuers for entry in site.profile.mcp.servers.values()):
        await site.secrets.catalogue.open()
    tls = client_context(site.profile.egress)
    parts = sign_in_parts(site, connector, tls)
    servers = tool_servers(site, builder(site, connector, surroundings(site, connector), tls, parts))
    new_id = functools.partial(secrets.token_urlsafe, 24)
    calls = open_calls(
        admission=site.admission,
        servers=servers,
        clock=site.clock,
        watch=watch(site),
        new_id=new_id,
        us=US,
        door="cli",
    )
    # Its life is this block.
    running = asyncio.create_task(servers.run(), name="tool servers")
    try:
        yield Shell(site=site, servers=servers, calls=calls, key=key)
    finally:
        running.cancel()
        await asyncio.wait({running})
