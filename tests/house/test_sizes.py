"""Modules, functions and rooms stay small enough to be read."""

import ast
from collections.abc import Iterator

from tests.house.source import APP, MODULES, nodes, text


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(APP)}:{node.name}", node


def test_no_module_is_longer_than_400_lines() -> None:
    assert [str(path) for path in MODULES if len(text(path).splitlines()) > 400] == []


def test_no_function_is_longer_than_50_lines() -> None:
    assert [name for name, node in functions() if (node.end_lineno or 0) - node.lineno + 1 > 50] == []


def test_no_function_takes_more_than_7_parameters_by_position() -> None:
    def count(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        return len([arg for arg in node.args.args + node.args.posonlyargs if arg.arg not in ("self", "cls")])

    assert [name for name, node in functions() if count(node) > 7] == []


def test_no_room_has_more_than_12_modules_and_no_folder_is_deeper_than_3() -> None:
    folders = {path.parent for path in MODULES}
    crowded = [str(folder) for folder in folders if folder != APP and len(list(folder.glob("*.py"))) > 13]
    deep = [str(path) for path in MODULES if len(path.relative_to(APP).parts) > 4]
    assert (crowded, deep) == ([], [])


def test_every_room_has_a_map() -> None:
    bare = [
        str(folder)
        for folder in {path.parent for path in MODULES}
        if not ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    ]
    assert bare == []
