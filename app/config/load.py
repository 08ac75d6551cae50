"""Read the profile: file, then environment, then flags; every mistake is one clear sentence."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.config.dropins import add_servers, read_file
from app.config.explain import fault, inside, is_secret, nearest
from app.config.gateway.routes import check_models
from app.config.outward.oauth import check_oauth, check_url
from app.config.outward.vaults import check_vaults
from app.config.paths import settings
from app.config.schema import Profile
from app.config.secret import read_secret
from app.config.sinks import check_sinks
from app.config.slots import parse_slot
from app.config.tools import port_range
from app.core.errors import ConfigError

# Variables that steer the launcher, scripts and tests, not the profile.
RESERVED = frozenset(
    {
        *("RUNTIME_DIR", "FILE", "VENV", "PYTHON", "PROFILE", "PASSWORD", "KEY", "URL", "CA"),
        *("PASSPHRASE", "PASSPHRASE_FD", "NEW_PASSPHRASE", "NEW_PASSPHRASE_FD"),
    }
)
if __debug__:
    RESERVED |= {"CRASH_AT"}  # see app/core/crash
_PROGRAMS = re.compile(r"mcp\.servers\..+\.(command|environment)\b")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def load(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[str, Any] | None = None,
    added: Mapping[str, Any] | None = None,
) -> Profile:
    """The profile of `path` (none: defaults) with environment and flags (`listen.address` -> value) laid over it.

    Tool servers may also stand in files of their own beside it; `added` is such a server that has no file yet.
    """
    tree = read_file(path) if path else {}
    if path:
        add_servers(tree, path, added)
    source = str(path) if path else "the built-in profile"
    tree = _interpolate(tree, environment, at="", source=source)
    for key, value in _from_environment(environment).items():
        _put(tree, key, value)
    for key, value in (flags or {}).items():
        _put(tree, key, value)
    profile = _convert(tree, source=source, base=path.parent if path else Path.cwd())
    _check_references(profile, source=source)
    return profile


def _interpolate(value: Any, environment: Mapping[str, str], *, at: str, source: str) -> Any:
    if isinstance(value, dict):
        return {
            key: _interpolate(item, environment, at=f"{at}.{key}" if at else str(key), source=source)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _interpolate(item, environment, at=f"{at}[{i}]", source=source) for i, item in enumerate(value)
        ]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        if match[1] == "PORT" and _PROGRAMS.match(at):
            return match[0]  # the port that the program is given at its start
        if match[1] not in environment:
            raise ConfigError(
                f"{source}: {at}: the environment variable {match[1]} is not set.",
                remedy="Set it, or write the value.",
            )
        return environment[match[1]]

    return _VARIABLE.sub(replace, value)


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    known = {"SALLYPORT_" + key.upper().replace(".", "_"): key for key in settings(Profile)}
    found: dict[str, Any] = {}
    for name, value in environment.items():
        short = name.removeprefix("SALLYPORT_")
        if short == name or short in RESERVED or short.startswith("TEST_"):
            continue
        if name not in known:
            raise ConfigError(f"environment: {name} is not a setting.", remedy=nearest(name, list(known)))
        found[known[name]] = value.split(",") if known[name] in _LISTS else value
    return found


_LISTS = frozenset({"listen.names", "listen.origins"})


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for section in sections:
        child = tree.setdefault(section, {})
        if not isinstance(child, dict):
            return
        tree = child
    tree[last] = value


def _convert(tree: dict[str, Any], *, source: str, base: Path) -> Profile:
    try:
        return msgspec.convert(_revealed(tree, Profile, "", source=source, base=base), Profile, strict=False)
    except msgspec.ValidationError:
        raise fault(tree, Profile, source=source) from None


def _revealed(value: Any, type_: Any, at: str, *, source: str, base: Path) -> Any:
    """The tree with its secrets read, each named by its key when it cannot be."""
    if is_secret(type_):
        if not isinstance(value, str):
            return value
        stored = (at.startswith("providers.") and at.endswith(".key")) or at.endswith(".oauth.client_secret")
        return read_secret(value, key=f"{source}: {at}", base=base, references=stored)
    read = {
        key: _revealed(value[key], inner, path, source=source, base=base)
        for key, path, inner in inside(value, type_, at)
    }
    if isinstance(value, dict):
        return {**value, **read}
    return list(read.values()) if isinstance(value, list) and read else value


def _check_references(profile: Profile, *, source: str) -> None:
    check_models(profile.providers, profile.models, source=source)
    for name, server in profile.mcp.servers.items():
        if name == "sallyport":
            raise ConfigError(
                f"{source}: mcp.servers.{name}: this is the name of Sallyport's own tools.",
                remedy="Give the server another name.",
            )
        if bool(server.command) == bool(server.url):
            raise ConfigError(
                f"{source}: mcp.servers.{name}: exactly one of command and url is needed.",
                remedy="Give command for a program, url for a remote server.",
            )
        if server.transport == "http" and not server.command:
            raise ConfigError(
                f"{source}: mcp.servers.{name}.transport: http is for programs; a remote server has its url.",
                remedy="Leave transport out, or give command.",
            )
        for key in server.secrets:
            parse_slot(key, remote=bool(server.url), where=f"{source}: mcp.servers.{name}.secrets")
        check_oauth(server, where=f"{source}: mcp.servers.{name}")
    port_range(profile.mcp.ports)
    check_url(profile.listen.url, where=f"{source}: listen.url")
    check_sinks(profile.sinks, source=source)
    check_vaults(profile.secrets.vaults, source=source)
