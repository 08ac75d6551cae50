"""What cannot be known about an argument never satisfies a permit and never escapes a forbid."""

from typing import Any

import msgspec
import pytest

from app.policy.condition import checks
from app.policy.document import Condition


def answers(condition: dict[str, Any], arguments: dict[str, Any] | None) -> tuple[bool | None, bool | None]:
    """The answers for a permit and for a forbid."""
    (check,) = checks(msgspec.convert(condition, Condition))
    return check.answer(arguments, "permit"), check.answer(arguments, "forbid")


@pytest.mark.parametrize(
    ("operator", "value", "answer"),
    [
        ({"equals": "a"}, "a", True),
        ({"equals": "a"}, "b", False),
        ({"equals": 1}, 1.0, True),
        ({"equals": 1}, True, None),
        ({"equals": 1}, "1", None),
        ({"equals": True}, True, True),
        ({"equals": None}, None, True),
        ({"equals": None}, "x", False),
        ({"equals": "a"}, None, None),
        ({"equals": "a"}, ["a"], None),
        ({"equals": "/etc/passwd"}, "/etc/./passwd", None),
        ({"not_equals": "a"}, "b", True),
        ({"not_equals": "a"}, 7, None),
        ({"in": ["a", 1]}, "a", True),
        ({"in": ["a", 1]}, "b", False),
        ({"in": ["a", 1]}, 2, False),
        ({"in": ["a"]}, 2, None),
        ({"not_in": ["a", "b"]}, "c", True),
        ({"not_in": ["a", "b"]}, "b", False),
        ({"matches": "/srv/**"}, "/srv/a", True),
        ({"matches": "/srv/**"}, "/etc/a", False),
        ({"matches": "/srv/**"}, "/srv/../etc/a", None),
        ({"matches": "/srv/**"}, 5, None),
        ({"not_matches": "/etc/**"}, "/srv/../etc/a", None),
        ({"starts_with": "/srv/"}, "/srv/a", True),
        ({"starts_with": "/srv/"}, "/srv/../etc", None),
        ({"starts_with": "SELECT "}, "SELECT 1", True),
        ({"contains": "DROP"}, "x DROP y", True),
        ({"not_contains": "DROP"}, "SELECT", True),
        ({"at_most": 5}, 5, True),
        ({"at_most": 5}, 5.5, False),
        ({"at_most": 5}, "3", None),
        ({"at_most": 5}, True, None),
        ({"at_least": 5}, float("inf"), None),
        ({"at_least": 5}, 10**30, True),
        ({"present": True}, 0, True),
        ({"present": True}, None, None),
        ({"absent": True}, 0, False),
    ],
)
def test_operator(operator: dict[str, Any], value: Any, answer: bool | None) -> None:
    assert answers({"argument": "x", **operator}, {"x": value}) == (answer, answer)


@pytest.mark.parametrize("arguments", [None, {}, {"y": 1}])
def test_missing_argument_is_unknown(arguments: dict[str, Any] | None) -> None:
    for operator in ({"equals": 1}, {"not_equals": 1}, {"not_in": [1]}, {"matches": "*"}, {"at_most": 1}):
        assert answers({"argument": "x", **operator}, arguments) == (None, None)
    assert answers({"argument": "x", "present": True}, arguments) == (False, False)
    assert answers({"argument": "x", "absent": True}, arguments) == (True, True)


def test_every_member_must_fit_a_permit_and_one_is_enough_for_a_forbid() -> None:
    condition = {"argument": "paths.*", "matches": "/srv/**"}
    assert answers(condition, {"paths": ["/srv/a", "/srv/b"]}) == (True, True)
    assert answers(condition, {"paths": ["/srv/a", "/etc/b"]}) == (False, True)
    assert answers(condition, {"paths": ["/etc/a", "/srv/../b"]}) == (False, None)
    assert answers(condition, {"paths": ["/etc/a"]}) == (False, False)
    assert answers(condition, {"paths": []}) == (None, None)
    assert answers(condition, {"paths": "/srv/a"}) == (None, None)
    assert answers(condition, {"paths": ["/srv/a"] * 2000}) == (None, None)


def test_paths_into_arguments() -> None:
    arguments = {"a": {"b": [{"c": 1}, {"c": 2}]}, "x.y": {"z": 3}}
    assert answers({"argument": "a.b.1.c", "equals": 2}, arguments)[0] is True
    assert answers({"argument": "a.b.*.c", "at_most": 2}, arguments)[0] is True
    assert answers({"argument": "/x.y/z", "equals": 3}, arguments)[0] is True
    assert answers({"argument": "a.b.9.c", "equals": 2}, arguments)[0] is None
    assert answers({"argument": "a.b.c.d.e", "equals": 2}, arguments)[0] is None
