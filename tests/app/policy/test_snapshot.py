"""Default deny, forbid wins, and every decision says why."""

import pytest

from app.core import verdict
from app.core.call import Resource
from app.core.principal import ANONYMOUS, rejected
from tests.app.policy.world import TOOL, ask, person, rule, snapshot


def test_nothing_is_permitted_without_a_rule() -> None:
    decision = ask(snapshot(rule(tools=["other/*"])), person())
    assert (decision.effect, decision.reason) == ("forbid", verdict.DEFAULT_DENY)
    assert decision.message == "Denied by default: rules permit tool.call, but none names tool:files/read."


def test_permit_names_its_rule_and_policy() -> None:
    rules = snapshot(rule(who={"roles": ["developer"]}))
    decision = ask(rules, person("dora", "developer"))
    assert (decision.effect, decision.rule_ids, decision.policy_hash) == ("permit", ("site/one",), rules.hash)


def test_forbid_wins_and_tells_its_reason() -> None:
    decision = ask(snapshot(rule(), rule("forbid", "no", reason="Never.")), person())
    assert (decision.reason, decision.rule_ids) == (verdict.FORBIDDEN, ("site/no",))
    assert decision.message == "Forbidden by rule site/no: Never."


def test_missing_role_is_told_without_naming_others() -> None:
    decision = ask(snapshot(rule(who={"roles": ["surgeon"]})), person("dora", "developer"))
    assert "other roles, groups or identities than those of user dora" in decision.message
    assert "surgeon" not in decision.message


def test_every_key_of_who_must_fit() -> None:
    rules = snapshot(rule(who={"roles": ["developer", "tester"], "groups": ["finance"], "kinds": ["user"]}))
    assert ask(rules, person("a", "tester", groups=("finance",))).permitted
    assert not ask(rules, person("a", "tester")).permitted
    assert not ask(rules, person("a", groups=("finance",))).permitted
    assert not ask(rules, person("a", "tester", groups=("finance",), kind="service")).permitted


def test_names_belong_to_their_kind() -> None:
    rules = snapshot(rule(who={"users": ["ann"], "services": ["ci-*"]}))
    assert ask(rules, person("ann")).permitted
    assert ask(rules, person("ci-1", kind="service")).permitted
    assert not ask(rules, person("ann", kind="service")).permitted
    assert not ask(rules, person("ann", kind="operator")).permitted
    assert not ask(rules, person("ci-1")).permitted


def test_anonymous_is_never_permitted() -> None:
    rules = snapshot(rule(actions=["*"]))
    assert ask(rules, ANONYMOUS).reason == verdict.NO_CREDENTIAL
    assert ask(rules, rejected(verdict.EXPIRED_CREDENTIAL)).reason == verdict.EXPIRED_CREDENTIAL


def test_scopes_narrow_what_a_credential_may() -> None:
    rules = snapshot(rule(actions=["tool.call", "model.invoke"]))
    decision = ask(rules, person(scopes=("model.*",)))
    assert (decision.effect, decision.reason) == ("forbid", verdict.SCOPE)
    assert ask(rules, person(scopes=("model.*",)), "model.invoke", Resource("model", "m")).permitted
    assert not ask(rules, person(scopes=())).permitted


@pytest.mark.parametrize("action", ["admin.user.create", "audit.read", "console.view"])
def test_star_makes_nobody_an_administrator(action: str) -> None:
    assert not ask(snapshot(rule(actions=["*"])), person(), action, Resource("user", "x")).permitted
    assert (
        ask(snapshot(rule("forbid", actions=["*"])), person("a", "administrator"), action).reason
        == verdict.FORBIDDEN
    )


def test_named_administration_can_be_permitted() -> None:
    rules = snapshot(rule(actions=["admin.key.*"], who={"roles": ["keeper"]}))
    assert ask(rules, person("k", "keeper"), "admin.key.create", Resource("key", "x")).permitted
    assert not ask(rules, person("k", "keeper"), "admin.user.create", Resource("user", "x")).permitted


@pytest.mark.parametrize(
    ("who", "action", "permitted"),
    [
        (person("root", kind="operator"), "admin.policy.apply", True),
        (person("ada", "administrator"), "admin.policy.apply", True),
        (person("ada", "administrator"), "model.invoke", False),
        (person("grace", "auditor"), "audit.read", True),
        (person("grace", "auditor"), "admin.user.list", False),
        (person("bob"), "session.end", True),
        (person("bob"), "tool.list", True),
        (person("bob"), "server.connect", True),
        (person("bob"), "tool.call", False),
        (person("bob"), "tool.use", False),
        (person("bob"), "audit.read", False),
        (person("bob"), "console.view", False),
        (person("bob"), "admin.user.list", False),
        (person("bob"), "unheard.of", False),
    ],
)
def test_builtin_rules(who: object, action: str, *, permitted: bool) -> None:
    assert ask(snapshot(rule(tools=["none/*"])), who, action, Resource("x", "y")).permitted is permitted  # type: ignore[arg-type]


def test_conditions_decide_last() -> None:
    rules = snapshot(rule(when=[{"argument": "path", "matches": "/srv/**"}]))
    assert ask(rules, person(), arguments={"path": "/srv/a"}).permitted
    denied = ask(rules, person(), arguments={"path": "/srv/../etc/passwd"})
    assert "do not meet the conditions of the rules that permit this: site/one" in denied.message
    assert not ask(rules, person(), arguments=None).permitted


def test_forbid_is_escaped_only_by_a_certain_no() -> None:
    rules = snapshot(rule(), rule("forbid", "etc", when=[{"argument": "path", "matches": "/etc/**"}]))
    assert ask(rules, person(), arguments={"path": "/srv/a"}).permitted
    for path in ("/etc/passwd", "/srv/../etc/passwd", 7, None, "etc/passwd"):
        assert ask(rules, person(), arguments={"path": path}).rule_ids == ("site/etc",)
    assert not ask(rules, person(), arguments={}).permitted


def test_forbid_with_present_leaves_calls_without_the_argument() -> None:
    when = [{"argument": "path", "present": True}, {"argument": "path", "matches": "/etc/**"}]
    rules = snapshot(rule(), rule("forbid", "etc", when=when))
    assert ask(rules, person(), arguments={}).permitted
    assert not ask(rules, person(), arguments={"path": "/etc/x"}).permitted


@pytest.mark.parametrize(
    ("pattern", "uri", "permitted", "forbidden"),
    [
        ("files/file:///srv/*", "files/file:///srv/a", True, True),
        ("files/file:///srv/*", "files/file:///etc/a", False, False),
        ("files/file:///srv/*", "files/file:///srv/../etc/a", False, True),
        ("files/file:///srv/*", "files/file:///srv/%2e%2e/etc/a", False, True),
        ("files/*", "files/file:///srv/../etc/a", True, True),
        ("*", "files/file:///srv/../etc/a", True, True),
        ("other/*", "files/file:///srv/../etc/a", False, False),
    ],
)
def test_ambiguous_resource_uri(pattern: str, uri: str, *, permitted: bool, forbidden: bool) -> None:
    about = {"actions": ["resource.read"], "resources": [pattern]}
    resource = Resource("resource", uri)
    assert ask(snapshot(rule(**about)), person(), "resource.read", resource).permitted is permitted
    decision = ask(snapshot(rule("forbid", **about)), person(), "resource.read", resource)
    assert (decision.reason == verdict.FORBIDDEN) is forbidden


def test_objects_name_what_administration_is_about() -> None:
    rules = snapshot(rule(actions=["admin.user.*"], objects=["user:tmp-*"]))
    assert ask(rules, person(), "admin.user.create", Resource("user", "tmp-1")).permitted
    assert not ask(rules, person(), "admin.user.create", Resource("user", "ann")).permitted
    assert not ask(rules, person(), "admin.user.create", TOOL).permitted
