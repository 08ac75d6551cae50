"""`mcp status|restart|reload|logs`: the programs of the running server, asked through its socket in the data folder."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from app.cli.site import Output, Site, json_option, operator_call, site_command, site_options, site_profile
from app.core.call import Resource
from app.core.errors import NotFoundError, SallyportError
from app.server.host.asking import Ask, Told, asked

_PAUSE = 0.3
_NOT_RUNNING = "No server runs for this data folder."


@click.command()
@site_options
@json_option
@click.option("--measures", is_flag=True, help="Also each measure of confinement, and what would help.")
def status(data: Path | None, profile: Path | None, as_json: bool, measures: bool) -> None:
    """Show the tool servers of the running server."""
    told = _asked(data, profile, Ask(ask="servers"))
    output = Output(as_json=as_json)
    if told is None:
        # Starting programs only to look at them would change what is looked at.
        output.value([], f"{_NOT_RUNNING} `sallyport mcp check` starts each tool server and tries it.")
        return
    columns: dict[str, Callable[[Any], object]] = {
        "name": lambda row: row["name"],
        "state": lambda row: row["state"],
        "for": lambda row: f"{row['seconds']:.0f} s",
        "starts": lambda row: row["starts"],
        "memory": lambda row: f"{row['memory_bytes'] // 1024**2} MiB" if row["pid"] else "",
        "confinement": lambda row: row["confinement"],
        "sign-in": lambda row: row["sign_in"],
        "why": lambda row: row["why"],
    }
    output.table(told.servers, columns)
    for server in told.servers if measures and not as_json else ():
        for measure in server["measures"]:
            word = "on " if measure["on"] else "off"
            text = f"{server['name']:16} {word} {measure['name']:12} {measure['how']}"
            click.echo(f"{text.rstrip()}  {measure['remedy']}".rstrip())


@click.command()
@click.argument("name")
@site_options
@json_option
def restart(data: Path | None, profile: Path | None, as_json: bool, name: str) -> None:
    """Start the program NAME anew, also one that is held."""
    if _asked(data, profile, Ask(ask="restart", name=name)) is None:
        raise SallyportError(_NOT_RUNNING, remedy="A start of Sallyport starts its programs too.")
    Output(as_json=as_json).value({"restarted": name}, f"{name} is started anew.")


@click.command()
@site_options
@json_option
def reload(data: Path | None, profile: Path | None, as_json: bool) -> None:
    """Let the running server read its profile again: its tool servers follow at once."""
    told = _asked(data, profile, Ask(ask="reload"))
    if told is None:
        raise SallyportError(_NOT_RUNNING, remedy="The next start reads the profile.")
    lines = [f"Changed: {', '.join(told.changed) or 'nothing'}."]
    lines += [f"Connections may go to {place} from now on." for place in told.opened]
    lines += [f"Connections may not go to {place} any more." for place in told.closed]
    if told.waiting:
        lines.append(f"A restart of Sallyport is needed for {', '.join(told.waiting)}.")
    value = {name: getattr(told, name) for name in ("changed", "waiting", "opened", "closed")}
    Output(as_json=as_json).value(value, "\n".join(lines))


@click.command()
@click.argument("name")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@site_command
async def logs(site: Site, output: Output, name: str, follow: bool) -> None:
    """Print what the program NAME wrote to its standard error."""
    from app.mcp.supervisor import log_path

    path = log_path(site.folder, name)
    async with site.admission.admit(operator_call("admin.server.logs", Resource("server", name))):
        if name not in site.profile.mcp.servers and not path.exists():
            raise NotFoundError(f"There is no tool server {name!r}.", remedy="See `sallyport mcp list`.")
    for line in _followed(path) if follow else _lines(path):
        click.echo(msgspec.json.encode({"line": line}) if output.as_json else line)


def _lines(path: Path) -> Iterator[str]:
    """Of the older file and then of the present one."""
    for one in (path.with_suffix(".log.1"), path):
        if one.exists():
            with one.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    yield line.rstrip("\n")


def _followed(path: Path) -> Iterator[str]:
    """Without end; a file that was rotated away is read to its end first."""
    while not path.exists():
        time.sleep(_PAUSE)
    while True:
        with path.open(encoding="utf-8", errors="replace") as file:
            while True:
                if line := file.readline():
                    yield line.rstrip("\n")
                elif path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                    time.sleep(_PAUSE)
                else:
                    break
        while not path.exists():
            time.sleep(_PAUSE)


def _asked(data: Path | None, profile: Path | None, request: Ask) -> Told | None:
    """None when no server runs for the data folder."""
    _, folder = site_profile(data, profile)
    return asked(folder, request)
