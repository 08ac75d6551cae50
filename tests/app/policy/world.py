"""Small documents and people for the tests of policies."""

from typing import Any

import msgspec

from app.core.call import Call, Resource
from app.core.ids import new_trace, uuid7
from app.core.passage import Passage
from app.core.principal import Principal
from app.core.verdict import Decision
from app.policy.engine import compiled
from app.policy.parse import parse
from app.policy.snapshot import Snapshot

TOOL = Resource("tool", "files/read")


def person(name: str = "dora", *roles: str, **more: Any) -> Principal:
    return Principal(**{"id": name, "kind": "user", "name": name, "roles": roles, **more})


def source(*rules: dict[str, Any], policy: str = "site", tests: list[dict[str, Any]] | None = None) -> bytes:
    tree: dict[str, Any] = {"policy": policy, "rules": list(rules)}
    return msgspec.json.encode(tree | ({"tests": tests} if tests else {}))


def rule(effect: str = "permit", id: str = "one", **more: Any) -> dict[str, Any]:  # noqa: A002
    return {"id": id, "effect": effect, "actions": ["tool.call"], **more}


def snapshot(*rules: dict[str, Any]) -> Snapshot:
    return compiled({}, draft=(parse(source(*rules)), "sha"))


def ask(
    rules: Snapshot,
    principal: Principal,
    action: str = "tool.call",
    resource: Resource = TOOL,
    arguments: dict[str, Any] | None = None,
) -> Decision:
    return rules.decide(principal, action, resource, arguments=arguments)


def passage(action: str, name: str, policy: str = "site") -> Passage:
    """An admitted call of a user, as the corridor would have made it."""

    async def settle(_: Passage) -> None:
        return None

    call = Call(door="test", action=action, resource=Resource("policy", policy), trace=new_trace())
    permitted = Decision(effect="permit", reason="permitted_by_rule", message="")
    return Passage(
        id=uuid7(),
        call=call,
        principal=person(name),
        decision=permitted,
        started=0.0,
        gates=(settle, lambda *_: True),
    )
