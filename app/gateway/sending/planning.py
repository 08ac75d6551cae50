"""The places of one call in their order: what routes, labels and policy say about it."""

from collections.abc import Callable

from app.core.call import Resource
from app.core.verdict import DEFAULT_DENY
from app.gateway.routing import Caller, Plan, make_plan, read_traits
from app.gateway.sending.way import Way


def planned(way: Way) -> Plan:
    """The plan of a call that is admitted: who asks is known by now."""
    found, passage, ask = way.found, way.passage, way.ask
    demanded = way.labels.union(passage.decision.labels)
    if way.prepared is not None and not demanded:
        return found.plan
    principal = passage.principal
    return make_plan(
        way.book.entries,
        found.entry.name,
        traits=read_traits(ask.members, size=len(ask.body), stream=ask.stream),
        caller=Caller(name=principal.name, groups=principal.groups, roles=principal.roles, labels=demanded),
        judge=_judge(way),
        draw=way.draw,
    )


def _judge(way: Way) -> Callable[[str], tuple[str, frozenset[str]]]:
    """What policy says about another model than the one that was asked for: forbids hold for it too, and labels."""

    def judge(model: str) -> tuple[str, frozenset[str]]:
        decision = way.admission.policy.decide(
            way.passage.principal,
            "model.invoke",
            Resource("model", model),
            arguments=way.passage.call.arguments,
        )
        if decision.permitted or decision.reason == DEFAULT_DENY:
            return "", frozenset(decision.labels)
        return decision.message, frozenset()

    return judge
