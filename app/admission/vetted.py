"""Policy, and beside it the hold that definitions are under until a person has seen them."""

from typing import Any

from app.admission.ports import Decides, Holds
from app.core.call import Resource
from app.core.principal import Principal
from app.core.verdict import Decision


class Vetted:
    """Decides like the policy, but permits nothing that is held; a denial of policy's own stays as it is."""

    def __init__(self, policy: Decides, catalog: Holds) -> None:
        self._policy = policy
        self._catalog = catalog

    def decide(
        self, principal: Principal, action: str, resource: Resource, *, arguments: dict[str, Any] | None
    ) -> Decision:
        """Permit or forbid, default deny."""
        decision = self._policy.decide(principal, action, resource, arguments=arguments)
        if not decision.permitted:
            return decision
        held = self._catalog.hold(action, resource)
        if held is None:
            return decision
        return Decision(
            effect="forbid", reason=held.reason, message=held.message, policy_hash=decision.policy_hash
        )

    def may(self, principal: Principal, action: str, resource: Resource) -> bool:
        """Whether some arguments could be permitted; for listings."""
        return self._policy.may(principal, action, resource) and self._catalog.hold(action, resource) is None
