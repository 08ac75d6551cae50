"""Why a call is permitted or not, rule by rule; and the cases that a document brings along."""

from typing import Any

import msgspec
from msgspec import UNSET

from app.core.call import Resource
from app.core.principal import ANONYMOUS, Principal
from app.core.verdict import Decision
from app.policy.document import KINDS, Case, Document, Given
from app.policy.snapshot import Clause, Snapshot


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's own answer: whether it applies, and each thing that keeps it from it or that it looked at."""

    rule: str
    effect: str
    applies: bool
    because: tuple[str, ...]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A decision and every rule's part in it; rules that apply come first."""

    decision: Decision
    rules: tuple[Answer, ...]


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a test case; `problem` is empty when it is as expected."""

    name: str
    decision: str
    rules: tuple[str, ...]
    problem: str = ""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A call that nobody makes: what would be decided?"""

    principal: Principal
    action: str
    resource: Resource
    arguments: dict[str, Any] | None = None


def explain(snapshot: Snapshot, question: Question) -> Explanation:
    """The decision with all rules' answers; rules about other actions are left out."""
    decision = snapshot.decide(
        question.principal, question.action, question.resource, arguments=question.arguments
    )
    answers = [_answer(clause, question) for clause in snapshot.clauses if _near(clause, question.action)]
    return Explanation(decision=decision, rules=tuple(sorted(answers, key=lambda answer: not answer.applies)))


def run_cases(document: Document, snapshot: Snapshot) -> tuple[CaseResult, ...]:
    """The document's own cases against a snapshot that contains it."""
    return tuple(_run(case, document, snapshot) for case in document.tests)


def question(given: Given) -> Question:
    """The call that a test case describes."""
    return Question(
        principal=_principal(given),
        action=given.action,
        resource=_resource(given),
        arguments=None if given.arguments is UNSET else given.arguments,
    )


def _run(case: Case, document: Document, snapshot: Snapshot) -> CaseResult:
    asked = question(case.given)
    decision = snapshot.decide(asked.principal, asked.action, asked.resource, arguments=asked.arguments)
    expected = case.rule if not case.rule or "/" in case.rule else f"{document.policy}/{case.rule}"
    problem = ""
    if decision.effect != case.expect:
        problem = f"expected {case.expect}, got {decision.effect}. {decision.message}"
    elif case.record is not UNSET and case.record != decision.record:
        problem = f"expected record {case.record}, got {decision.record or 'what the profile says'}"
    elif expected and expected not in decision.rule_ids:
        deciding = ", ".join(decision.rule_ids) or "no rule"
        problem = f"{decision.effect}, but decided by {deciding} and not by {expected}"
    return CaseResult(name=case.name, decision=decision.effect, rules=decision.rule_ids, problem=problem)


def _principal(given: Given) -> Principal:
    named = {"user": given.user, "service": given.service, "agent": given.agent, "operator": given.operator}
    kind = next((kind for kind, name in named.items() if name), "")
    name = named.get(kind, "") or "somebody"
    if given.kind == "anonymous":
        return ANONYMOUS
    return msgspec.convert(
        {
            "id": name, "kind": given.kind or kind or "user", "name": name, "roles": given.roles, "groups": given.groups,
            "scopes": None if given.scopes is UNSET else given.scopes,
        },
        Principal,
    )  # fmt: skip


def _resource(given: Given) -> Resource:
    for kind in KINDS:
        if name := getattr(given, kind):
            return Resource(kind, name)
    kind, colon, name = given.object.partition(":")
    return Resource(kind, name) if colon else Resource("none", "none")


def _near(clause: Clause, action: str) -> bool:
    area = action.partition(".")[0]
    return clause.reaches(action) or any(
        pattern.partition(".")[0] in {area, "*"} for pattern in clause.actions
    )


def _answer(clause: Clause, asked: Question) -> Answer:
    against: list[str] = []
    if not clause.reaches(asked.action):
        against.append(f"it is about {', '.join(clause.actions)}, not about {asked.action}")
    if not clause.meant(asked.principal):
        against.append(
            f"it is not about {asked.principal.kind} {asked.principal.name}: kind, name, roles or groups differ"
        )
    if not clause.covers(asked.resource):
        against.append(f"it does not name {asked.resource}")
    looked = [_looked(clause, index, asked) for index in range(len(clause.checks))]
    if not clause.holds(asked.arguments):
        against.append("its conditions do not let it apply")
    if clause.labels:
        looked.append(f"providers must have the labels: {', '.join(clause.labels)}")
    if clause.record is not None:
        looked.append(f"of the contents the record keeps: {clause.record}")
    return Answer(rule=clause.id, effect=clause.effect, applies=not against, because=(*against, *looked))


def _looked(clause: Clause, index: int, asked: Question) -> str:
    check = clause.checks[index]
    answer = check.answer(asked.arguments, clause.effect)
    told = "unknown" if answer is None else "yes" if answer else "no"
    return f"{check.text}: {told}"
