"""What each MCP method is to policy and the record: an action on a resource."""

from typing import Any, Literal

import msgspec

from app.core.call import Resource
from app.mcp.protocol import names
from app.mcp.protocol.messages import INVALID_PARAMS, METHOD_NOT_FOUND, Era, Message, ProtocolError

Shape = Literal["connect", "list", "use", "complete", "task"]


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """`key` names the member of params that names the thing; `member` the member of a listing's result."""

    action: str
    shape: Shape
    kind: str = "server"
    key: str = ""
    member: str = ""
    eras: tuple[Era, ...] = ("old", "modern")


def _connect(*eras: Era) -> Method:
    return Method(action="server.connect", shape="connect", eras=eras)


def _task(*eras: Era) -> Method:
    return Method(action="server.connect", shape="task", eras=eras)


_SUBSCRIBE = Method(action="resource.read", shape="use", kind="resource", key="uri", eras=("old",))
METHODS: dict[str, Method] = {
    "initialize": _connect("old"),
    "ping": _connect("old"),
    "logging/setLevel": _connect("old"),
    "server/discover": _connect("modern"),
    "subscriptions/listen": _connect("modern"),
    "tasks/get": _task("old", "modern"),
    "tasks/cancel": _task("old", "modern"),
    "tasks/update": _task("modern"),
    "tasks/result": _task("old"),
    "tasks/list": _task("old"),
    "tools/list": Method(action="tool.list", shape="list", kind="tool", key="name", member="tools"),
    "tools/call": Method(action="tool.call", shape="use", kind="tool", key="name"),
    "resources/list": Method(
        action="resource.list", shape="list", kind="resource", key="uri", member="resources"
    ),
    "resources/templates/list": Method(
        action="resource.list", shape="list", kind="resource", key="uriTemplate", member="resourceTemplates"
    ),
    "resources/read": Method(action="resource.read", shape="use", kind="resource", key="uri"),
    "resources/subscribe": _SUBSCRIBE,
    "resources/unsubscribe": _SUBSCRIBE,
    "prompts/list": Method(action="prompt.list", shape="list", kind="prompt", key="name", member="prompts"),
    "prompts/get": Method(action="prompt.get", shape="use", kind="prompt", key="name"),
    "skills/list": Method(action="skill.list", shape="list", kind="skill", key="uri", member="skills"),
    "skills/get": Method(action="skill.read", shape="use", kind="skill", key="uri"),
    "resources/directory/read": Method(action="resource.read", shape="use", kind="resource", key="uri"),
    "completion/complete": Method(action="prompt.get", shape="complete", kind="prompt"),
}
USES = {"tool": "tool.call", "resource": "resource.read", "prompt": "prompt.get", "skill": "skill.read"}
"""The action that an entry of a listing is there for."""
_ADDRESSED = ("resource", "skill")
"""What has an address instead of a name."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a message is about. `server` is empty for the whole aggregate and for names nobody knows."""

    action: str
    resource: Resource
    server: str = ""
    name: str = ""
    arguments: dict[str, Any] | None = None


def find(message: Message, era: Era) -> Method:
    """The method of a request; METHOD_NOT_FOUND (HTTP 404 in the modern era) when this era has no such method."""
    method = METHODS.get(message.method)
    if method is None or era not in method.eras:
        raise ProtocolError(
            f"The method {message.method[:100]!r} is not served here.",
            number=METHOD_NOT_FOUND,
            status=404 if era == "modern" else 200,
        )
    return method


def server_resource(server: str) -> Resource:
    """The resource of an endpoint as a whole; `*` is the aggregate."""
    return Resource("server", server or "*")


def target_of(message: Message, method: Method, *, server: str, servers: tuple[str, ...]) -> Target:
    """The action and resource of a request on the endpoint of `server` (empty: the aggregate of `servers`)."""
    if method.shape in ("connect", "list", "task"):
        return Target(action=method.action, resource=server_resource(server), server=server)
    kind, key, params = method.kind, method.key, message.params
    if method.shape == "complete":
        kind, key, params = _reference(message)
    name = params.get(key)
    if not isinstance(name, str) or not name:
        raise ProtocolError(f"params.{key} must be a string.", number=INVALID_PARAMS)
    where = (server, name) if server else _split(kind, name, servers)
    own, label = (where[0], f"{where[0]}/{where[1]}") if where else ("", f"?/{name}")
    return Target(
        action=USES[kind],
        resource=Resource(kind, label),
        server=own,
        name=where[1] if where else name,
        arguments=_arguments(message, kind),
    )


def joined(kind: str, server: str, name: str) -> str:
    """The name of an entry on the aggregated endpoint."""
    return names.join_uri(server, name) if kind in _ADDRESSED else names.join(server, name)


def _split(kind: str, name: str, servers: tuple[str, ...]) -> tuple[str, str] | None:
    return names.split_uri(name, servers) if kind in _ADDRESSED else names.split(name, servers)


def _reference(message: Message) -> tuple[str, str, dict[str, Any]]:
    ref = message.params.get("ref")
    if isinstance(ref, dict) and ref.get("type") == "ref/prompt":
        return "prompt", "name", ref
    if isinstance(ref, dict) and ref.get("type") == "ref/resource":
        return "resource", "uri", ref
    raise ProtocolError("params.ref must name a prompt or a resource.", number=INVALID_PARAMS)


def _arguments(message: Message, kind: str) -> dict[str, Any] | None:
    if kind in _ADDRESSED or message.method == "completion/complete":
        return None
    arguments = message.params.get("arguments")
    if arguments is not None and not isinstance(arguments, dict):
        raise ProtocolError("params.arguments must be an object.", number=INVALID_PARAMS)
    return arguments or {}
