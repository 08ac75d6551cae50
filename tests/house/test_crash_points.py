"""Crash points are known by name, visited by a test each, and absent from an optimised build."""

import ast
import dis
import re
import types
from collections.abc import Iterator

from app.core import crash
from tests.house.source import MODULES, ROOT, nodes, text


def calls() -> Iterator[tuple[str, str, bool]]:
    """Each `crash.at(…)`: where, which point, and whether it stands alone under `if __debug__:`."""
    for path in MODULES:
        if "crash.at" not in text(path):
            continue
        guarded = {
            id(statement.value)
            for node in nodes(path)
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "__debug__"
            for statement in node.body
            if isinstance(statement, ast.Expr)
        }
        for node in nodes(path):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "crash.at":
                name = node.args[0].value if isinstance(node.args[0], ast.Constant) else ""
                yield f"{path.relative_to(ROOT)}:{node.lineno}", str(name), id(node) in guarded


def used(code: types.CodeType) -> Iterator[object]:
    """Constants that an instruction loads; a compiler may keep others of code that it left out."""
    for instruction in dis.get_instructions(code):
        if instruction.opname.startswith(("LOAD_CONST", "RETURN_CONST")):
            value = instruction.argval
            if isinstance(value, types.CodeType):
                yield from used(value)
            elif isinstance(value, tuple | frozenset):
                yield from value
            else:
                yield value


def test_each_point_stands_in_one_place_under_debug() -> None:
    found = list(calls())
    assert [where for where, _, guarded in found if not guarded] == []
    assert sorted(point for _, point, _ in found) == sorted(crash.POINTS)


def test_each_point_is_visited_by_a_fault_test() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "faults").glob("test_*.py"))
    assert [point for point in crash.POINTS if not re.search(rf'"{re.escape(point)}[":]', text)] == []


def test_an_optimised_build_knows_no_point() -> None:
    secret = {*crash.POINTS, crash.VARIABLE, "CRASH_AT"}
    found = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if any(name in text(path) for name in secret)
        and secret
        & {
            constant
            for constant in used(compile(text(path), str(path), "exec", dont_inherit=True, optimize=2))
            if isinstance(constant, str)
        }
    ]
    assert found == []
