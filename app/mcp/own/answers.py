"""What Sallyport's own tools take and what they say, as types; their JSON schemas are made of them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool without arguments."""


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `may_i`."""

    action: Annotated[
        str, Meta(max_length=100, description="for example tool.call, resource.read or model.use")
    ]
    resource: Annotated[
        str,
        Meta(max_length=2000, pattern="^[a-z_]+:", description="kind and name, for example tool:server/name"),
    ]


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `explain_denial`."""

    trace_id: Annotated[
        str,
        Meta(
            pattern="^[0-9a-f]{32}$", description="the trace_id in the data of the error that you were given"
        ),
    ]


class Who(msgspec.Struct, frozen=True):
    """The answer of `whoami`."""

    name: str
    kind: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    credential: str
    narrowed_to: tuple[str, ...] | None
    """Action patterns that the credential is good for; null: all that the principal may do."""
    trace_id: str


class Outlook(msgspec.Struct, frozen=True):
    """The answer of `may_i`. Arguments, budgets and limits are looked at when the call is made."""

    may: bool
    action: str
    resource: str


class Denial(msgspec.Struct, frozen=True):
    """One refusal, as the record has it."""

    time: str
    action: str
    resource: str
    reason: str
    rule_ids: tuple[str, ...] = ()
    policy_hash: str = ""


class Denials(msgspec.Struct, frozen=True):
    """The answer of `explain_denial`; empty when nothing of the caller's was denied in that trace."""

    denials: tuple[Denial, ...]


class Server(msgspec.Struct, frozen=True):
    """A tool server whose listing the caller may ask for."""

    name: str
    description: str
    endpoint: str


class ServerList(msgspec.Struct, frozen=True):
    """The answer of `list_servers`."""

    servers: tuple[Server, ...]


def schema_of(type_: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of a type, whole and on its own, as MCP wants it."""
    schema = msgspec.json.schema(type_)
    definitions = schema["$defs"]
    own = definitions.pop(type_.__name__)
    return {**own, "$defs": definitions} if definitions else own
