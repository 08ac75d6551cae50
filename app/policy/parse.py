"""From bytes to a checked document; every mistake is one sentence with its line and what was probably meant."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from app.core.errors import InputError
from app.policy.document import ACTIONS, KINDS, Case, Condition, Document, Given, Rule, Who, targets
from app.policy.pattern import name_matches
from app.policy.source import Lines, fault, read

RESERVED = "builtin"
_UNKNOWN = re.compile(
    r"Object contains unknown field `(?P<key>.*?)`(?: - at `\$(?P<at>[^`]*)`)?\Z", re.DOTALL
)
_AT = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<at>[^`]*)`)?\Z", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|\.([A-Za-z_]+)")
_TYPES = re.compile(r"`([a-z]+(?: \| [a-z]+)*)`")
_WORDS = {
    "array": "a list", "object": "a mapping", "str": "text", "int": "a number", "float": "a number",
    "bool": "true or false", "null": "nothing",
}  # fmt: skip
_SHAPES: dict[str, type] = {"rules": Rule, "who": Who, "when": Condition, "tests": Case, "given": Given}


def parse(data: bytes, *, builtin: bool = False) -> Document:
    """The document of these bytes; InputError (code policy_invalid) names the line of the first mistake."""
    tree, lines = read(data)
    if not isinstance(tree, dict):
        raise fault("a policy is a mapping with `policy`, `rules` and `tests`", line=1)
    try:
        document = msgspec.convert(tree, Document)
    except msgspec.ValidationError as error:
        raise _explain(str(error), lines) from None
    if (document.policy == RESERVED) != builtin:
        raise fault(f"the name {RESERVED} belongs to the built-in rules", line=_line(lines, ("policy",)))
    _check(document, lines)
    return document


def _explain(text: str, lines: Lines) -> InputError:
    if unknown := _UNKNOWN.match(text):
        path = _steps(unknown["at"] or "")
        key = unknown["key"]
        return fault(f"unknown key {key!r}", line=_line(lines, (*path, key)), remedy=_meant(key, path))
    match = _AT.match(text)
    what, at = (match["what"], match["at"] or "") if match else (text, "")
    what = _TYPES.sub(_plainly, what)
    path = _steps(at)
    place = f"`{at.lstrip('.')}` " if at else ""
    return fault(f"{place}is not right: {what[:1].lower()}{what[1:]}", line=_line(lines, path))


def _plainly(match: re.Match[str]) -> str:
    return " or ".join(dict.fromkeys(_WORDS.get(name, name) for name in match[1].split(" | ")))


def _steps(at: str) -> tuple[str | int, ...]:
    return tuple(int(index) if index else name for index, name in _STEP.findall(at))


def _line(lines: Lines, path: tuple[Any, ...]) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines[path]


def _meant(key: str, path: tuple[Any, ...]) -> str:
    inside = [step for step in path if isinstance(step, str)]
    shape = _SHAPES.get(inside[-1], Document) if inside else Document
    known = [field.encode_name for field in msgspec.structs.fields(shape)]
    if shape is Rule and key in {field.name for field in msgspec.structs.fields(Who)}:
        return f"Write {key} under `who` to say whom the rule is about, or `objects` for what it is about."
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}."


def _check(document: Document, lines: Lines) -> None:
    seen: dict[str, int] = {}
    for index, rule in enumerate(document.rules):
        at = ("rules", index)
        if rule.id in seen:
            raise fault(
                f"the rule id {rule.id!r} is given twice (first in line {seen[rule.id]})",
                line=_line(lines, (*at, "id")),
                remedy="The record names rules by id: give each its own.",
            )
        seen[rule.id] = _line(lines, (*at, "id"))
        _check_actions(rule, lines, at)
        _check_targets(rule, lines, at)
        _check_labels(rule, lines, at)
        if rule.record is not UNSET and rule.effect == "forbid":
            raise fault(
                f"the rule {rule.id!r} forbids: `record` is for calls that are permitted",
                line=_line(lines, (*at, "record")),
                remedy="What is kept of denied calls is for the profile to say (record.tool_content).",
            )
        for number, condition in enumerate(rule.when):
            _check_condition(condition, lines, (*at, "when", number))
    for index, case in enumerate(document.tests):
        _check_case(case, document, lines, ("tests", index))


def _check_labels(rule: Rule, lines: Lines, at: tuple[Any, ...]) -> None:
    models = any(name_matches(pattern, "model.invoke") for pattern in rule.actions)
    if rule.labels and (rule.effect == "forbid" or not models):
        raise fault(
            f"the rule {rule.id!r} permits no model.invoke: `labels` are for the model calls that a rule permits",
            line=_line(lines, (*at, "labels")),
            remedy="Put them into the rules that permit; those of all that hold count together.",
        )


def _check_actions(rule: Rule, lines: Lines, at: tuple[Any, ...]) -> None:
    for index, pattern in enumerate(rule.actions):
        if pattern.startswith("admin.") or any(name_matches(pattern, action) for action in ACTIONS):
            continue
        raise _no_action(pattern, _line(lines, (*at, "actions", index)))


def _check_targets(rule: Rule, lines: Lines, at: tuple[Any, ...]) -> None:
    for index, entry in enumerate(rule.objects):
        kind, colon, name = entry.partition(":")
        if not colon or not name or "*" in kind or kind in KINDS:
            remedy = (
                f"Use the key `{kind}s`."
                if kind in KINDS
                else "Write KIND:NAME, such as user:* or policy:demo."
            )
            raise fault(
                f"the object {entry!r} is not KIND:NAME",
                line=_line(lines, (*at, "objects", index)),
                remedy=remedy,
            )
    kinds = {kind for kind, _ in targets(rule)}
    if not kinds or any(pattern.startswith("admin.") for pattern in rule.actions):
        return
    about = {kind for action, kind in ACTIONS.items() for p in rule.actions if name_matches(p, action)}
    if "*" in "".join(rule.actions):
        return
    for kind in sorted(kinds - about):
        key = f"{kind}s" if kind in KINDS else "objects"
        raise fault(
            f"the rule {rule.id!r} can never apply to a {kind}: its actions are about {', '.join(sorted(about))}",
            line=_line(lines, (*at, key)),
            remedy="Correct the actions, or leave this key out.",
        )


def _check_condition(condition: Condition, lines: Lines, at: tuple[Any, ...]) -> None:
    given = {
        f.encode_name: getattr(condition, f.name)
        for f in msgspec.structs.fields(condition)
        if f.name != "argument"
    }
    used = {name: value for name, value in given.items() if value is not UNSET}
    line = _line(lines, at)
    if not used:
        raise fault("a condition needs an operator", line=line, remedy=f"One of: {', '.join(given)}.")
    for name in ("present", "absent"):
        if used.get(name) is False:
            other = "absent" if name == "present" else "present"
            raise fault(f"`{name}: false` is not used", line=line, remedy=f"Write `{other}: true`.")
    for name in ("matches", "not_matches"):
        pattern = str(used.get(name, ""))
        if pattern.count("*") > 32:
            raise fault(f"`{name}` has more than 32 wildcards", line=line)
        if "/" in pattern and any("**" in segment and segment != "**" for segment in pattern.split("/")):
            raise fault(
                "`**` stands for whole segments",
                line=line,
                remedy="Put it between slashes, as in /srv/**/*.py.",
            )


def _check_case(case: Case, document: Document, lines: Lines, at: tuple[Any, ...]) -> None:
    given, line = case.given, _line(lines, (*at, "given"))
    if sum(bool(name) for name in (given.user, given.service, given.agent, given.operator)) > 1:
        raise fault("only one of user, service, agent and operator can ask", line=line)
    if sum(bool(name) for name in _about(given)) > 1:
        raise fault(
            "a call is about one of model, server, tool, resource, prompt, skill and object", line=line
        )
    _check_action(given, _line(lines, (*at, "given", "action")))
    known = {rule.id for rule in document.rules}
    if case.rule and case.rule not in known and "/" not in case.rule:
        close = difflib.get_close_matches(case.rule, list(known), n=1, cutoff=0.4)
        remedy = f"Did you mean {close[0]}?" if close else ""
        raise fault(f"there is no rule {case.rule!r}", line=_line(lines, (*at, "rule")), remedy=remedy)


def _check_action(given: Given, line: int) -> None:
    """A case about an action that does not exist would prove nothing."""
    if given.action.startswith("admin."):
        return
    if given.action not in ACTIONS:
        raise _no_action(given.action, line)
    kind = next((kind for kind in KINDS if getattr(given, kind)), given.object.partition(":")[0])
    if kind and kind != ACTIONS[given.action]:
        raise fault(f"{given.action} is about a {ACTIONS[given.action]}, not about a {kind}", line=line)


def _no_action(name: str, line: int) -> InputError:
    close = difflib.get_close_matches(name, [*ACTIONS, "admin.*"], n=1, cutoff=0.4)
    remedy = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(ACTIONS)}, admin.*."
    return fault(f"no action is called {name!r}", line=line, remedy=remedy)


def _about(given: Given) -> Iterator[str]:
    yield from (
        given.model,
        given.server,
        given.tool,
        given.resource,
        given.prompt,
        given.skill,
        given.object,
    )
