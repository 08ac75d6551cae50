"""The compiled active set: immutable, indexed by action; default deny, forbid wins, order does not matter."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from app.core.call import Resource
from app.core.canonical import canonical, digest
from app.core.principal import Principal
from app.core.verdict import (
    CAPTURES,
    DEFAULT_DENY,
    FORBIDDEN,
    NO_CREDENTIAL,
    PERMITTED,
    SCOPE,
    Capture,
    Decision,
)
from app.policy.condition import Check, checks
from app.policy.document import ACTIONS, PRIVILEGED, Document, Rule, targets
from app.policy.pattern import Names, name_matches, names, plain_path

MAX_NAMED = 16
"""Rules that one decision names at most."""


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled rule; None stands for a list that was not given."""

    id: str
    effect: Literal["permit", "forbid"]
    reason: str
    actions: tuple[str, ...]
    roles: Names | None
    groups: Names | None
    kinds: frozenset[str] | None
    identities: dict[str, Names | None] | None
    objects: dict[str, Names] | None
    checks: tuple[Check, ...]
    record: Capture | None = None
    labels: tuple[str, ...] = ()

    def reaches(self, action: str) -> bool:
        """Whether the rule is about this action; permits name privileged areas themselves."""
        area = action.partition(".")[0]
        return any(
            name_matches(pattern, action)
            and (self.effect == "forbid" or area not in PRIVILEGED or pattern.partition(".")[0] == area)
            for pattern in self.actions
        )

    def meant(self, principal: Principal) -> bool:
        """Whether the rule is about whoever asks."""
        if self.kinds is not None and principal.kind not in self.kinds:
            return False
        if self.identities is not None:
            listed = self.identities.get(principal.kind)
            if listed is None or not listed.match(principal.name):
                return False
        if self.roles is not None and not self.roles.match_any(principal.roles):
            return False
        return self.groups is None or self.groups.match_any(principal.groups)

    def covers(self, resource: Resource) -> bool:
        """Whether the rule is about this resource. An ambiguous URI is covered by forbids only."""
        if self.objects is None:
            return True
        listed = self.objects.get(resource.kind)
        if listed is None:
            return False
        if resource.kind == "resource" and not _plain_uri(resource.name):
            return _covers_strange(listed, resource.name, self.effect)
        return listed.match(resource.name)

    def holds(self, arguments: dict[str, Any] | None) -> bool:
        """Whether the conditions let the rule apply: all True for a permit, none False for a forbid."""
        answers = (check.answer(arguments, self.effect) for check in self.checks)
        return all(answer is True for answer in answers) if self.effect == "permit" else False not in answers


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What is known before the arguments: a final decision, or the rules that still look at them.

    `otherwise` is the denial when none of those rules applies.
    """

    final: Decision | None
    otherwise: Decision | None = None
    permits: tuple[Clause, ...] = ()
    conditional: tuple[Clause, ...] = ()


class Snapshot:
    """One set of documents, ready to be asked. `hash` stands for exactly these bytes."""

    def __init__(self, documents: Mapping[str, tuple[Document, str]]) -> None:
        """`documents`: name to the document and the digest of its bytes."""
        self.hash = digest(canonical(sorted((name, sha256) for name, (_, sha256) in documents.items())))
        self.documents = {name: document for name, (document, _) in documents.items()}
        self.clauses = tuple(
            sorted(
                (clause(rule, policy=name) for name, (doc, _) in documents.items() for rule in doc.rules),
                key=lambda found: found.id,
            )
        )
        self._reaching = {action: self._about(action) for action in ACTIONS}

    def outlook(self, principal: Principal, action: str, resource: Resource) -> Outlook:
        """Everything that does not depend on arguments; worth remembering."""
        if principal.anonymous:
            reason = principal.failure or NO_CREDENTIAL
            return Outlook(final=self._no(reason, _NOBODY.get(reason, "The credential is not valid.")))
        if principal.scopes is not None and not any(
            name_matches(scope, action) for scope in principal.scopes
        ):
            return Outlook(final=self._no(SCOPE, f"The credential's scopes do not include {action}."))
        about = self._reaching.get(action)
        if about is None:
            about = self._about(action)
        mine = [clause for clause in about if clause.meant(principal) and clause.covers(resource)]
        forbids = [clause for clause in mine if clause.effect == "forbid"]
        permits = tuple(clause for clause in mine if clause.effect == "permit")
        if certain := [clause for clause in forbids if not clause.checks]:
            return Outlook(final=self._forbidden(certain))
        if not permits:
            denial = self._no(DEFAULT_DENY, _missing(about, principal, action, resource))
            return Outlook(final=None if forbids else denial, otherwise=denial, conditional=tuple(forbids))
        if not forbids and all(not clause.checks for clause in permits):
            return Outlook(final=self._permitted(permits))
        return Outlook(final=None, permits=permits, conditional=tuple(forbids))

    def settle(self, outlook: Outlook, arguments: dict[str, Any] | None) -> Decision:
        """The decision, now that the arguments are known."""
        if outlook.final is not None:
            return outlook.final
        if forbids := [clause for clause in outlook.conditional if clause.holds(arguments)]:
            return self._forbidden(forbids)
        if permits := [clause for clause in outlook.permits if clause.holds(arguments)]:
            return self._permitted(permits)
        if outlook.otherwise is not None:
            return outlook.otherwise
        unmet = ", ".join(clause.id for clause in outlook.permits[:3])
        return self._no(
            DEFAULT_DENY, f"The arguments do not meet the conditions of the rules that permit this: {unmet}."
        )

    def decide(
        self, principal: Principal, action: str, resource: Resource, *, arguments: dict[str, Any] | None
    ) -> Decision:
        """Outlook and settlement in one step."""
        return self.settle(self.outlook(principal, action, resource), arguments)

    def _about(self, action: str) -> tuple[Clause, ...]:
        return tuple(clause for clause in self.clauses if clause.reaches(action))

    def _forbidden(self, clauses: Sequence[Clause]) -> Decision:
        ids = tuple(clause.id for clause in clauses)
        told = next((clause for clause in clauses if clause.reason), clauses[0])
        message = f"Forbidden by rule {told.id}" + (f": {told.reason}" if told.reason else ".")
        return self._decision("forbid", FORBIDDEN, message, ids)

    def _permitted(self, clauses: Sequence[Clause]) -> Decision:
        ids = tuple(clause.id for clause in clauses)
        modes = [clause.record for clause in clauses if clause.record is not None]
        return self._decision(
            "permit", PERMITTED, f"Permitted by rule {ids[0]}.", ids,
            record=next((mode for mode in CAPTURES if mode in modes), None),
            labels=tuple(sorted({label for clause in clauses for label in clause.labels})),
        )  # fmt: skip

    def _no(self, reason: str, message: str) -> Decision:
        return self._decision("forbid", reason, message, ())

    def _decision(
        self,
        effect: Literal["permit", "forbid"],
        reason: str,
        message: str,
        ids: tuple[str, ...],
        *,
        record: Capture | None = None,
        labels: tuple[str, ...] = (),
    ) -> Decision:
        return Decision(
            effect=effect, reason=reason, message=message, rule_ids=ids[:MAX_NAMED], policy_hash=self.hash,
            record=record, labels=labels,
        )  # fmt: skip


def clause(rule: Rule, *, policy: str) -> Clause:
    """A rule, compiled; its id in the record is POLICY/RULE."""
    who = rule.who
    identities = {"user": names(who.users), "service": names(who.services), "agent": names(who.agents)}
    listed: dict[str, list[str]] = {}
    for kind, name in targets(rule):
        listed.setdefault(kind, []).append(name)
    objects = {kind: found for kind, patterns in listed.items() if (found := names(patterns))}
    return Clause(
        id=f"{policy}/{rule.id}",
        effect=rule.effect,
        reason=rule.reason,
        actions=rule.actions,
        roles=names(who.roles),
        groups=names(who.groups),
        kinds=frozenset(who.kinds) or None,
        identities=identities if any(identities.values()) else None,
        objects=objects or None,
        checks=tuple(check for condition in rule.when for check in checks(condition)),
        record=None if rule.record is UNSET else rule.record,
        labels=rule.labels,
    )


def _plain_uri(name: str) -> bool:
    return plain_path(name.partition("/")[2])


def _covers_strange(listed: Names, name: str, effect: str) -> bool:
    """A URI that readers take differently: forbids look at the server only, permits must cover all of it."""
    server = name.partition("/")[0]
    heads = [pattern.partition("/") for pattern in (*listed.plain, *listed.wild)]
    return any(
        name_matches(head, server)
        and (effect == "forbid" or rest in {"*", "**"} or (head == "*" and not slash))
        for head, slash, rest in heads
    )


_NOBODY: dict[str, str] = {
    NO_CREDENTIAL: "No credential was presented. Send an API key as `Authorization: Bearer`.",
    "credential_expired": "The credential has expired.",
    "identity_disabled": "The identity is disabled.",
}


def _missing(about: Sequence[Clause], principal: Principal, action: str, resource: Resource) -> str:
    """Which kind of permit is missing, without telling whom others' permits are for."""
    permits = [clause for clause in about if clause.effect == "permit"]
    who = f"{principal.kind} {principal.name}"
    if not permits:
        why = f"no rule permits {action} to anybody"
    elif not any(clause.covers(resource) for clause in permits):
        why = f"rules permit {action}, but none names {resource}"
    elif not any(clause.meant(principal) for clause in permits):
        why = f"rules permit {action}, but to other roles, groups or identities than those of {who}"
    else:
        why = f"no rule permits {action} on {resource} to {who}"
    return f"Denied by default: {why}."
