"""What a policy document may say: the shapes, the words for actions and resources, and its rendering."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import UNSET, Meta, UnsetType

from app.core.verdict import Capture

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Pattern = Annotated[str, Meta(min_length=1, max_length=512)]
Patterns = Annotated[tuple[Pattern, ...], Meta(min_length=1, max_length=1000)]
Text = Annotated[str, Meta(min_length=1, max_length=1000)]
Scalar = str | int | float | bool | None
Kind = Literal["user", "service", "agent", "operator", "system"]

KINDS = ("model", "server", "tool", "resource", "prompt", "skill")
"""Resource kinds with a key of their own in rules (plural) and cases (singular)."""

ACTIONS = {
    "model.invoke": "model",
    "model.list": "model",
    "tool.use": "tool",
    "tool.call": "tool",
    "tool.list": "server",
    "server.connect": "server",
    "server.sign_in": "server",
    "server.sign_out": "server",
    "resource.list": "server",
    "resource.read": "resource",
    "prompt.list": "server",
    "prompt.get": "prompt",
    "skill.list": "server",
    "skill.read": "skill",
    "session.create": "session",
    "session.end": "session",
    "audit.read": "record",
    "console.view": "page",
}
"""Every action beside `admin.…`, and the kind of resource that it is about."""

PRIVILEGED = frozenset({"admin", "audit", "console"})
"""Areas that a permit reaches only when its pattern names them: `*` alone makes nobody an administrator."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a document; unknown keys are refused."""


class Who(Part, frozen=True, kw_only=True):
    """Whom a rule is about: every key that is given must fit, in each list one entry is enough.

    `users`, `services` and `agents` are one list of names: nobody is two of them.
    """

    roles: Patterns = ()
    groups: Patterns = ()
    users: Patterns = ()
    services: Patterns = ()
    agents: Patterns = ()
    kinds: Annotated[tuple[Kind, ...], Meta(min_length=1)] = ()


class Condition(Part, frozen=True, kw_only=True):
    """What one argument must be like; several operators in one condition must all hold."""

    argument: Text
    equals: Scalar | UnsetType = UNSET
    not_equals: Scalar | UnsetType = UNSET
    in_: Annotated[tuple[Scalar, ...], Meta(min_length=1)] | UnsetType = msgspec.field(
        name="in", default=UNSET
    )
    not_in: Annotated[tuple[Scalar, ...], Meta(min_length=1)] | UnsetType = UNSET
    matches: Pattern | UnsetType = UNSET
    not_matches: Pattern | UnsetType = UNSET
    starts_with: Pattern | UnsetType = UNSET
    contains: Pattern | UnsetType = UNSET
    not_contains: Pattern | UnsetType = UNSET
    at_least: int | float | UnsetType = UNSET
    at_most: int | float | UnsetType = UNSET
    present: bool | UnsetType = UNSET
    absent: bool | UnsetType = UNSET


class Rule(Part, frozen=True, kw_only=True):
    """One permit or forbid. Kinds of resources are alternatives; without any, every resource is meant."""

    id: Id
    effect: Literal["permit", "forbid"]
    actions: Patterns
    who: Who = Who()
    models: Patterns = ()
    servers: Patterns = ()
    tools: Patterns = ()
    resources: Patterns = ()
    prompts: Patterns = ()
    skills: Patterns = ()
    objects: Patterns = ()
    when: Annotated[tuple[Condition, ...], Meta(min_length=1, max_length=50)] = ()
    record: Capture | UnsetType = UNSET
    """What of the contents of the calls it permits is kept; without it the profile says."""
    labels: Annotated[tuple[Text, ...], Meta(max_length=16)] = ()
    """Labels that providers must have to get the model calls it permits, such as on-site."""
    reason: Text = ""


class Given(Part, frozen=True, kw_only=True):
    """The call of a test case: one of user, service, agent or operator names who asks."""

    user: str = ""
    service: str = ""
    agent: str = ""
    operator: str = ""
    kind: Kind | Literal["anonymous", ""] = ""
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    scopes: tuple[str, ...] | UnsetType = UNSET
    action: str
    model: str = ""
    server: str = ""
    tool: str = ""
    resource: str = ""
    prompt: str = ""
    skill: str = ""
    object: str = ""
    arguments: dict[str, Any] | UnsetType = UNSET


class Case(Part, frozen=True, kw_only=True):
    """A call and what must become of it; `rule` must be among the deciding rules."""

    name: Text
    given: Given
    expect: Literal["permit", "forbid"]
    rule: str = ""
    record: Capture | UnsetType = UNSET
    """What must be kept of the contents."""


class Document(Part, frozen=True, kw_only=True):
    """One policy document."""

    policy: Id
    description: str = ""
    rules: Annotated[tuple[Rule, ...], Meta(min_length=1, max_length=5000)]
    tests: Annotated[tuple[Case, ...], Meta(max_length=1000)] = ()


def targets(rule: Rule) -> Iterator[tuple[str, str]]:
    """The (kind, name pattern) pairs that a rule lists."""
    for kind in KINDS:
        for name in getattr(rule, f"{kind}s"):
            yield kind, name
    for entry in rule.objects:
        kind, _, name = entry.partition(":")
        yield kind, name


def render(document: Document) -> str:
    """The document as YAML; `parse` of it gives the same document."""
    return yaml.dump(
        msgspec.to_builtins(document),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=False,
    )


class _Dumper(yaml.SafeDumper):
    """Quotes every text that could be read as anything else, in old and new YAML."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    plain = value.replace("_", "a").replace("-", "a").isalnum() and value.isascii() and not value[0].isdigit()
    words = value.lower() in {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain and not words else '"')


_Dumper.add_representer(str, _text)
