"""`mcp add|remove`: tool servers in files of their own beside the profile, which itself is never rewritten."""

import os
from pathlib import Path
from typing import Any

import click
import yaml

from app.cli.mcp.shell import shell_of
from app.cli.site import Output, json_option, operator_call, site_options, site_profile
from app.config import load
from app.config.dropins import file_of
from app.core.call import Resource
from app.core.errors import ConfigError, InputError, NotFoundError, SallyportError
from app.egress import Connector
from app.mcp import protocol
from app.server.folder import PROFILE, default_folder
from app.server.host.asking import Ask
from app.server.host.control import ask
from app.server.process import run_guarded
from app.server.site import open_site
from app.server.tools import US

_PAIR = "NAME=VALUE; VALUE is best `file:PATH` or `${VARIABLE}`, because arguments can be seen by others."
_LATER = "A server takes it up when it starts."


@click.command()
@site_options
@json_option
@click.argument("name")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--url", default="", help="A remote server instead of COMMAND.")
@click.option("--env", "environment", multiple=True, metavar="NAME=VALUE", help=_PAIR)
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="Sent to --url. " + _PAIR)
@click.option("--folder", default="", help="Working folder of COMMAND.")
@click.option("--description", default="", help="One line for people.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds a call may take.")
@click.option(
    "--pins", type=click.Choice(["approve", "trust-first"]), help="Instead of the profile's mcp.pins."
)
@click.option("--check", is_flag=True, help="Start or reach it first; it is added only if it answers.")
def add(data: Path | None, profile: Path | None, as_json: bool, name: str, check: bool, **given: Any) -> None:
    """Add the tool server NAME: a program (COMMAND, after `--`) or a remote one (--url)."""
    path = profile_path(data, profile)
    entry = _entry(**given)
    _, folder = site_profile(data, profile)
    checked = load(path, added={name: entry})

    async def run(connector: Connector) -> None:
        arguments = {key: sorted(value) if isinstance(value, dict) else value for key, value in entry.items()}
        async with open_site(checked, folder=folder, serving=False) as site:
            call = operator_call("admin.server.add", Resource("server", name), arguments)
            async with site.admission.admit(call) as passage:
                if check:
                    async with shell_of(site, connector, "") as shell:
                        hello = {"protocolVersion": protocol.LATEST_OLD, "capabilities": {}, "clientInfo": US}
                        await shell.ask(name, "initialize", hello)
                file = _write(path, name, entry)
                passage.note(result={"file": file.name})
        told = await _taken_up(folder)
        Output(as_json=as_json).value({"name": name, "file": str(file)}, f"{name} is in {file}. {told}")

    run_guarded(checked, run, fast=False)


@click.command()
@site_options
@json_option
@click.argument("name")
def remove(data: Path | None, profile: Path | None, as_json: bool, name: str) -> None:
    """Remove the tool server NAME that was added by `mcp add`; what was approved of it is kept."""
    path = profile_path(data, profile)
    loaded, folder = site_profile(data, profile)
    file = file_of(path, name)
    if name not in loaded.mcp.servers:
        raise NotFoundError(f"There is no tool server {name!r}.", remedy="See `sallyport mcp list`.")
    if not file.exists():
        raise InputError(
            f"{name} stands in {path} itself.", remedy=f"Take mcp.servers.{name} out of that file."
        )

    async def run(_: Connector) -> None:
        call = operator_call("admin.server.remove", Resource("server", name))
        async with open_site(loaded, folder=folder, serving=False) as site, site.admission.admit(call):
            file.unlink()
        told = await _taken_up(folder)
        Output(as_json=as_json).value({"name": name, "removed": True}, f"{name} is removed. {told}")

    run_guarded(loaded, run, fast=False)


async def _taken_up(folder: Path) -> str:
    """What the running server made of the change, which stands in the file already."""
    try:
        told = await ask(folder, Ask(ask="reload"))
    except SallyportError as error:
        return f"The running server has not taken it up: {error.message} {error.remedy}".rstrip()
    if told is None:
        return _LATER
    if told.waiting:
        return f"A restart of Sallyport is needed for {', '.join(told.waiting)}."
    return "The running server has taken it up."


def profile_path(data: Path | None, profile: Path | None) -> Path:
    """The profile's file; a server is added beside it."""
    path = profile or (data or default_folder()) / PROFILE
    if not path.exists():
        raise ConfigError(f"There is no profile {path}.", remedy="Give --profile, or start the site once.")
    return path


def _entry(**given: Any) -> dict[str, Any]:
    """The entry of `mcp.servers`, without what has its default."""
    pairs = {key: _pairs(given.pop(key)) for key in ("environment", "headers")}
    given["command"] = list(given["command"])
    return {key: value for key, value in {**given, **pairs}.items() if value}


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals) or name in found:
            raise InputError(
                f"{name!r} is not NAME=VALUE, or is given twice.", remedy="Write --env NAME=VALUE."
            )
        found[name] = value
    return found


def _write(path: Path, name: str, entry: dict[str, Any]) -> Path:
    """The new file, whole or not at all, readable for whom the profile is."""
    like, file = path.stat(), file_of(path, name)
    if not file.parent.exists():
        file.parent.mkdir(mode=0o755)
        _give(file.parent, like)
    text = yaml.safe_dump({"mcp": {"servers": {name: entry}}}, sort_keys=False, allow_unicode=True)
    fresh = file.with_suffix(".new")
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as out:
        out.write(
            f"# Added by `sallyport mcp add {name}`; `sallyport mcp remove {name}` takes it away.\n{text}"
        )
        out.flush()
        os.fsync(out.fileno())
    fresh.chmod(like.st_mode & 0o666)
    _give(fresh, like)
    fresh.replace(file)
    return file


def _give(made: Path, like: os.stat_result) -> None:
    """To the owner of the profile, where we may: root adds servers for the service's own user."""
    if os.geteuid() == 0:
        os.chown(made, like.st_uid, like.st_gid)
