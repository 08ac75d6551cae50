"""Conditions on arguments, with three answers: True, False, and None for what cannot be known.

A permit needs True of every condition; a forbid is escaped only by a False. So an argument that is missing,
of another type, too long or ambiguous never helps the caller. A path with `*` looks at every member: a permit
wants all of them to fit, for a forbid one is enough.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from app.policy.document import Condition
from app.policy.pattern import comparable, text_pattern

Answer = bool | None
Test = Callable[[Any], Answer]
MAX_MEMBERS = 1000


class Check(msgspec.Struct, frozen=True):
    """One operator of one condition; `text` is how people read it."""

    path: tuple[str, ...]
    test: Test
    text: str

    def answer(self, arguments: dict[str, Any] | None, effect: Literal["permit", "forbid"]) -> Answer:
        """What this check says about the arguments, for a rule of this effect."""
        if len(self.path) == 1 and self.path[0] != "*":
            return self.test((arguments or {}).get(self.path[0], UNSET))
        values = _select(arguments if arguments is not None else {}, self.path)
        if not values:
            return None
        answers = {self.test(value) for value in values}
        strongest = effect == "forbid"
        if strongest in answers:
            return strongest
        return None if None in answers else not strongest


def checks(condition: Condition) -> tuple[Check, ...]:
    """The checks of one condition, one for each operator."""
    path = argument_path(condition.argument)
    found: list[Check] = []
    for field, build in _OPERATORS.items():
        operand = getattr(condition, field)
        if operand is not UNSET:
            name = field.rstrip("_")
            shown = "" if name in {"present", "absent"} else f" {msgspec.json.encode(operand).decode()}"
            found.append(Check(path, build(operand), f"{condition.argument} {name}{shown}"))
    return tuple(found)


def argument_path(text: str) -> tuple[str, ...]:
    """`a.b.*`, or a JSON pointer (RFC 6901) `/a.b/c` for names that hold dots."""
    if text.startswith("/"):
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))
    return tuple(text.split("."))


def _select(value: Any, path: tuple[str, ...]) -> list[Any]:
    """The values at a path; UNSET stands for each one that is missing, nothing for a list without members."""
    found = [value]
    for part in path:
        following: list[Any] = []
        for item in found:
            if part == "*" and isinstance(item, dict | list):
                following.extend(item.values() if isinstance(item, dict) else item)
            elif isinstance(item, dict):
                following.append(item.get(part, UNSET))
            elif (
                isinstance(item, list)
                and part.isascii()
                and part.isdigit()
                and len(part) < 6
                and int(part) < len(item)
            ):
                following.append(item[int(part)])
            else:
                following.append(UNSET)
            if len(following) > MAX_MEMBERS:
                return []
        found = following
    return found


def _negated(test: Test) -> Test:
    def negation(value: Any) -> Answer:
        answer = test(value)
        return None if answer is None else not answer

    return negation


def _equals(operand: Any) -> Test:
    kind = _kind(operand)
    known = comparable(operand) if kind == "text" and "/" in operand else None

    def test(value: Any) -> Answer:
        if value is UNSET:
            return None
        if _kind(value) != kind:
            return False if operand is None else None
        if value == operand:
            return True
        return None if known is not None and not known(value) else False

    return test


def _one_of(operands: tuple[Any, ...]) -> Test:
    by_kind: dict[str, list[Test]] = {}
    for operand in operands:
        by_kind.setdefault(_kind(operand), []).append(_equals(operand))

    def test(value: Any) -> Answer:
        answers = {one(value) for one in by_kind.get(_kind(value), ())}
        if True in answers:
            return True
        return None if None in answers or not answers else False

    return test


def _matches(operand: str) -> Test:
    fits = text_pattern(operand)
    return lambda value: fits(value) if isinstance(value, str) else None


def _starts_with(operand: str) -> Test:
    known = comparable(operand) if "/" in operand else None

    def test(value: Any) -> Answer:
        if not isinstance(value, str) or (known is not None and not known(value)):
            return None
        return value.startswith(operand)

    return test


def _contains(operand: str) -> Test:
    return lambda value: operand in value if isinstance(value, str) else None


def _bound(operand: float, *, least: bool) -> Test:
    def test(value: Any) -> Answer:
        if _kind(value) != "number" or (isinstance(value, float) and not math.isfinite(value)):
            return None
        return value >= operand if least else value <= operand

    return test


def _present(value: Any) -> Answer:
    return None if value is None else value is not UNSET


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "null" if value is None else "other"


_OPERATORS: dict[str, Callable[[Any], Test]] = {
    "equals": _equals,
    "not_equals": lambda operand: _negated(_equals(operand)),
    "in_": _one_of,
    "not_in": lambda operands: _negated(_one_of(operands)),
    "matches": _matches,
    "not_matches": lambda operand: _negated(_matches(operand)),
    "starts_with": _starts_with,
    "contains": _contains,
    "not_contains": lambda operand: _negated(_contains(operand)),
    "at_least": lambda operand: _bound(operand, least=True),
    "at_most": lambda operand: _bound(operand, least=False),
    "present": lambda _: _present,
    "absent": lambda _: _negated(_present),
}
"""Each operator's test from its operand."""
