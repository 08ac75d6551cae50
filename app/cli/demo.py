"""`demo` and `sample-mcp`: everything at once, without a database, a key or a network."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import click
import msgspec

from app.cli.site import json_option
from app.config import Profile, load
from app.core.errors import NotFoundError, SallyportError
from app.demo.provider import SimulatedProvider
from app.demo.site import demo_folder, demo_profile, free_address, populate
from app.demo.story import Client, Step, tell
from app.egress import Connector
from app.server.host.running import Running
from app.server.serve import running, stop_event
from app.server.site import Site

_EXPECTED = {
    "tool_call_permitted": "permit",
    "tool_call_forbidden": "forbid",
    "ai_request_streamed": "permit",
}


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Keep the demo's site here.")
@click.option(
    "--address", default="127.0.0.1:8443", show_default=True, help="Loopback HOST:PORT to listen on."
)
@click.option("--once", is_flag=True, help="End after the story instead of serving on.")
@json_option
def demo(data: Path | None, address: str, once: bool, as_json: bool) -> None:
    """Show everything: an allowed and a denied tool call, a streamed AI request, and their record."""
    from app.core.frozen import settle
    from app.egress import enforce
    from app.server.logs import configure_logs
    from app.server.process import all_places, run_guarded

    base = load(None)
    configure_logs(msgspec.structs.replace(base.log, level="warning"))
    folder = demo_folder(data)
    port = int(free_address("127.0.0.1:0").rpartition(":")[2])
    profile = demo_profile(base, address=free_address(address), provider_url=f"http://127.0.0.1:{port}")

    # Before anything makes a thread: what the kernel holds, it holds by thread.
    held = enforce(profile, all_places(profile))

    async def show(connector: Connector) -> None:
        async with (
            SimulatedProvider(port=port),
            running(profile, folder=folder, connector=connector, policy="demo", held=held) as server,
        ):
            link = await _show(server, profile, as_json=as_json)
            settle()
            if once:
                return
            stop = stop_event()
            if not as_json:
                click.echo(f"\nConsole  {server.url}/console\nSign in  {link}   (once, within 15 minutes)")
                click.echo(f"Data     {folder}\n\nServing until Ctrl-C.")
            await stop.wait()

    try:
        run_guarded(profile, show, fast=True)
    finally:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)


async def _show(server: Running, profile: Profile, *, as_json: bool) -> str:
    """Tell the story and print each step; returns the one-time sign-in link."""
    key, token = await populate(server.site)
    host, _, port = profile.listen.address.rpartition(":")
    client = Client(host=host, port=int(port), key=key)
    if not as_json:
        click.echo(
            f"Sallyport {server.url}  with its own PostgreSQL, a simulated provider and a sample tool server\n"
        )
    async for step in _steps(server.site, client):
        if as_json:
            click.echo(msgspec.json.encode(step))
        else:
            click.echo(f"{step.decision:7}  {step.step:22} trace {step.trace_id}\n         {step.detail}")
        if step.decision != _EXPECTED[step.step]:
            raise SallyportError(
                f"{step.step} was decided {step.decision or 'not at all'}.", remedy="See the log above."
            )
    if not as_json:
        click.echo(f"\nAPI key of {'demo-agent'}: {key}")
    return f"{server.url}/console/link/{token}"


async def _steps(site: Site, client: Client) -> AsyncIterator[Step]:
    """The story in a worker thread, because its client blocks; decisions are read from the record."""
    loop = asyncio.get_running_loop()

    def decision_of(trace_id: str) -> str:
        return asyncio.run_coroutine_threadsafe(_decision(site, trace_id), loop).result(timeout=30)

    story = tell(client, decision_of)
    while (step := await asyncio.to_thread(next, story, None)) is not None:
        yield step


async def _decision(site: Site, trace_id: str) -> str:
    try:
        events = await site.reading.trace(trace_id)
    except NotFoundError:
        return ""
    return next((event.decision for event in events if event.decision), "")


@click.command("sample-mcp", hidden=True)
def sample_mcp() -> None:
    """Run the sample MCP server on standard input and output."""
    from app.demo.sample_mcp import main

    main()
