"""`mcp connect`: a stdio bridge, for desktop clients that start programs and cannot reach a site by themselves."""

import asyncio
import os
import signal
from pathlib import Path
from urllib.parse import quote, urlsplit

import click

from app.config.schema import Egress
from app.core.errors import ConfigError, InputError
from app.egress import Connector, Destinations, Guard
from app.egress.destinations import from_url
from app.egress.http import Origin, parse_origin
from app.egress.trust import client_context

_FILE = click.Path(path_type=Path, dir_okay=False)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@click.command()
@click.argument("url")
@click.option("--server", default="", help="One tool server of the site; default: all that the key may use.")
@click.option(
    "--key-file", type=_FILE, help="File with the API key; default: the environment's SALLYPORT_KEY."
)
@click.option("--ca", type=_FILE, help="PEM file of the authority that the site's certificate is from.")
def connect(url: str, server: str, key_file: Path | None, ca: Path | None) -> None:
    """Carry MCP between standard input and output and the site at URL. Needs no site or database here.

    In the client's settings: command `sallyport`, arguments `mcp connect https://HOST:8443 --key-file FILE`.
    """
    origin = endpoint(url, server)
    key = _key(key_file)
    tls = client_context(Egress(ca_bundle=str(ca) if ca else "")) if origin.secure else None
    destinations = Destinations([from_url(url, name="the site", purpose="MCP")])
    guard = Guard(destinations)
    connector = Connector(destinations=destinations, guard=guard)

    async def run() -> None:
        from app.mcp.bridge import Bridge, Key, Lines, Link, Output

        link = Link(origin=origin, connector=connector, tls=tls, credentials=Key(key))
        bridge = asyncio.ensure_future(Bridge(link=link, say=Output().write).run(Lines()))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, bridge.cancel)
        await asyncio.wait({bridge})
        if not bridge.cancelled() and (error := bridge.exception()) is not None:
            raise _reason(error)

    with guard.watching(), asyncio.Runner() as runner:
        runner.run(run())


def endpoint(url: str, server: str) -> Origin:
    """Where to connect: the site's `/mcp`, or `/mcp/SERVER`; a URL that names an endpoint already is taken as it is."""
    parts = urlsplit(url)
    if "/mcp" not in parts.path:
        url = f"{url.rstrip('/')}/mcp"
        if server:
            url = f"{url}/{quote(server, safe='')}"
    elif server:
        raise InputError(f"{url} names an endpoint already.", remedy="Leave --server out, or the path.")
    origin = parse_origin("URL", url)
    if not origin.secure and origin.host not in _LOOPBACK:
        raise ConfigError("The key would travel in clear.", remedy="Write https://.")
    return origin


def _key(file: Path | None) -> str:
    if file is None:
        key = os.environ.get("SALLYPORT_KEY", "")
    else:
        try:
            key = file.read_text(encoding="ascii", errors="strict")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"The key file {file} cannot be read ({error}).", remedy="Check --key-file."
            ) from None
    key = key.strip()
    if not key or not key.isprintable() or " " in key:
        raise ConfigError("There is no API key.", remedy="Give --key-file FILE, or set SALLYPORT_KEY.")
    return key


def _reason(error: BaseException) -> BaseException:
    """The one cause behind the groups that tasks put around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ValueError):
        return InputError(f"The client broke off: {error}.")
    return error
