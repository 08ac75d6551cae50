"""What the corridor decides about a call."""

from typing import Literal

import msgspec

Effect = Literal["permit", "forbid"]
Capture = Literal["off", "digest", "redacted", "full"]
"""How much of a call's contents the record keeps."""
CAPTURES: tuple[Capture, ...] = ("off", "digest", "redacted", "full")
"""From least to most."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Permit or forbid, why (`reason` is a stable code, `message` its text) and by which rules of which policy."""

    effect: Effect
    reason: str
    message: str
    rule_ids: tuple[str, ...] = ()
    policy_hash: str = ""
    record: Capture | None = None
    """What of the contents is kept; None leaves it to the profile."""
    labels: tuple[str, ...] = ()
    """Labels that a provider must have to get the call, such as on-site."""

    @property
    def permitted(self) -> bool:
        """Whether the call may go on."""
        return self.effect == "permit"


# Reason codes that are not a rule's own; the record and the clients' errors carry them.
NO_CREDENTIAL = "credential_missing"
BAD_CREDENTIAL = "credential_invalid"
EXPIRED_CREDENTIAL = "credential_expired"
DISABLED = "identity_disabled"
SCOPE = "scope_insufficient"
DEFAULT_DENY = "no_rule_permits"
FORBIDDEN = "forbidden_by_rule"
PERMITTED = "permitted_by_rule"
OVER_BUDGET = "budget_exceeded"
TOO_MANY = "rate_limited"
