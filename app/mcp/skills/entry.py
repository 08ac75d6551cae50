"""The entry of one skill, judged by the rules of the extension (final 2026-09-13). Pure."""

import base64
import binascii
import hashlib
import re
from typing import Any, Literal

import msgspec
from msgspec import Raw

from app.core.errors import UpstreamError
from app.mcp.protocol import names

MOST_FILES = 512
MOST_BYTES = 16 * 1024 * 1024
MOST_FRONT = 64 * 1024
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FILE = "/SKILL.md"


class File(msgspec.Struct, frozen=True):
    """One file of a skill, as its entry promises it."""

    uri: str
    digest: str
    size: int


class Front(msgspec.Struct, frozen=True):
    """The members of the front matter that every skill has."""

    name: str
    description: str


class Skill(msgspec.Struct, frozen=True):
    """The view of an entry."""

    uri: str
    frontmatter: Front
    resources: list[File] | Literal["dynamic"]

    @property
    def files(self) -> list[File]:
        """Its files; none of one whose content is made as it is read."""
        return [] if self.resources == "dynamic" else self.resources


class _Content(msgspec.Struct):
    uri: str = ""
    text: str | None = None
    blob: str | None = None


class _Contents(msgspec.Struct):
    contents: list[_Content] = []


def fault(entry: dict[str, Raw]) -> str:
    """What is wrong with an entry; empty when it keeps the rules."""
    try:
        skill = read(entry)
    except msgspec.MsgspecError as error:
        return f"it cannot be read: {error}"
    path = skill.uri.removesuffix(_FILE)
    name = skill.frontmatter.name
    if path == skill.uri or path.rpartition("/")[2] != name:
        return "its address does not end in its name and SKILL.md"
    if len(name) > 64 or not _NAME.fullmatch(name) or not skill.frontmatter.description:
        return "it has no name of 64 lower-case letters, digits and hyphens at most, or no description"
    return "" if skill.resources == "dynamic" else _wrong_files(skill, path)


def _wrong_files(skill: Skill, path: str) -> str:
    files = skill.files
    addresses = {one.uri for one in files}
    if len(files) > MOST_FILES or sum(one.size for one in files) > MOST_BYTES:
        return f"it has more than {MOST_FILES} files or {MOST_BYTES // 1024 // 1024} MiB"
    if len(addresses) != len(files) or skill.uri not in addresses:
        return "its files are not listed once each, SKILL.md among them"
    if not all(_within(one.uri, path) for one in files):
        return "a file lies outside of it"
    if not all(one.size >= 0 and _DIGEST.fullmatch(one.digest) for one in files):
        return "a file has no digest (sha256:…) and size"
    return ""


def _within(uri: str, path: str) -> bool:
    """No way leads out of a skill's folder, however it is written."""
    rest = uri.removeprefix(f"{path}/")
    return rest != uri and not any(
        step in ("", ".", "..") or "%2e" in step.lower() or "%2f" in step.lower() for step in rest.split("/")
    )


def read(entry: dict[str, Raw]) -> Skill:
    """The view; MsgspecError when it is none."""
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(entry)), Skill)


def public(entry: dict[str, Any], server: str) -> dict[str, Any]:
    """The entry under the addresses of the aggregated endpoint; each address keeps its path and its name."""
    value = msgspec.json.decode(msgspec.json.encode(entry))
    value["uri"] = names.join_uri(server, value["uri"])
    if isinstance(value["resources"], list):
        value["resources"] = [
            {**one, "uri": names.join_uri(server, one["uri"])} for one in value["resources"]
        ]
    return value


def verify(result: Raw, file: File, front: Raw | None = None) -> bool:
    """Whether what was read is the file that the entry promised; `front` is the entry's front matter, of SKILL.md."""
    try:
        contents = msgspec.json.decode(result, type=_Contents).contents
        found = next(one for one in contents if one.uri == file.uri)
        data = base64.b64decode(found.blob, validate=True) if found.blob else (found.text or "").encode()
    except StopIteration:
        return False
    except (msgspec.MsgspecError, binascii.Error, UnicodeEncodeError):
        raise UpstreamError("The tool server sent contents that cannot be read.", kind="protocol") from None
    if len(data) != file.size or f"sha256:{hashlib.sha256(data).hexdigest()}" != file.digest:
        return False
    return front is None or _front_of(data) == msgspec.json.decode(front)


def _front_of(data: bytes) -> Any:
    """The front matter of a SKILL.md as values; None when there is none that can be read."""
    import yaml  # noqa: PLC0415 - only skills need it

    opening, _, rest = data.replace(b"\r\n", b"\n").partition(b"\n")
    text, closing, _ = rest.partition(b"\n---")
    if opening.rstrip() != b"---" or not closing or len(text) > MOST_FRONT:
        return None

    class Loader(yaml.SafeLoader):
        """JSON has no dates: what looks like one is text."""

        yaml_implicit_resolvers = {  # noqa: RUF012 - as its base has it
            first: [one for one in found if one[0] != "tag:yaml.org,2002:timestamp"]
            for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    try:
        return yaml.load(text, Loader)  # noqa: S506 - it is a safe loader
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
