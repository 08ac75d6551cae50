"""The files of a profile: the profile itself, and beside it one file for each tool server added by a command.

`profile.yaml` is a person's and is never rewritten; `profile.d/NAME.yaml` holds `mcp: {servers: {NAME: ...}}` only.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from app.core.errors import ConfigError


def folder_of(path: Path) -> Path:
    """Where the servers' own files are: `profile.d` for `profile.yaml`."""
    return path.with_suffix(".d")


def file_of(path: Path, server: str) -> Path:
    """The file of a server that was added by a command."""
    return folder_of(path) / f"{server}.yaml"


def add_servers(tree: dict[str, Any], path: Path, added: Mapping[str, Any] | None) -> None:
    """Put the servers of the files beside a profile, and `added` ones, into its tree; ConfigError if one is there twice."""
    found = [(str(file), _servers(file)) for file in sorted(folder_of(path).glob("*.yaml"))]
    if added:
        found.append(("the new server", dict(added)))
    for source, servers in found:
        mcp = tree.setdefault("mcp", {})
        known = mcp.setdefault("servers", {}) if isinstance(mcp, dict) else None
        if not isinstance(known, dict):
            return  # what stands there is wrong in itself, and is told by its own name
        for name, entry in servers.items():
            if name in known:
                raise ConfigError(
                    f"{source}: there is a tool server {name!r} already.",
                    remedy="Choose another name, or remove that one.",
                )
            known[name] = entry


def _servers(file: Path) -> dict[str, Any]:
    tree = read_file(file)
    mcp = tree.get("mcp")
    servers = mcp.get("servers") if isinstance(mcp, dict) else None
    if set(tree) != {"mcp"} or set(mcp or ()) != {"servers"} or not isinstance(servers, dict):
        raise ConfigError(
            f"{file}: such a file holds mcp.servers and nothing else.",
            remedy="Put the rest into the profile itself.",
        )
    return servers


def read_file(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; ConfigError says what is wrong with it."""
    try:
        tree = yaml.load(path.read_bytes(), Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).", remedy="Check --profile.") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply.", remedy="Write it flat.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: not YAML: {' '.join(str(error).split())}.", remedy="Correct that line."
        ) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(
            f"{path}: the profile must be a mapping of sections.", remedy="See `sallyport config reference`."
        )
    return tree


class _UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, which YAML would silently overwrite."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key if isinstance(key, str) else id(key_node))
        return super().construct_mapping(node, deep)
