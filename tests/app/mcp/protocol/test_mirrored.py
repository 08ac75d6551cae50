"""Marks in a schema, the headers they ask for, and headers that say something else."""

from typing import Any

import pytest

from app.mcp.protocol import ProtocolError
from app.mcp.protocol.mirrored import agree, headers_for, mirrors

TEXT = {"type": "string", "x-mcp-header": "Region"}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_marks_are_found_where_properties_lead() -> None:
    nested = schema(where=schema(region=TEXT), count={"type": "integer", "x-mcp-header": "Count"})
    assert mirrors(nested) == {("where", "region"): "Region", ("count",): "Count"}
    assert mirrors(schema(**{"x-mcp-header": {"type": "string"}})) == {}
    assert mirrors(schema(plain={"default": {"x-mcp-header": "no mark"}})) == {}
    assert mirrors(None) == {}


@pytest.mark.parametrize(
    "bad",
    [
        schema(a={"type": "string", "x-mcp-header": ""}),
        schema(a={"type": "string", "x-mcp-header": "two words"}),
        schema(a={"type": "string", "x-mcp-header": "a:b"}),
        schema(a={"type": "string", "x-mcp-header": "Größe"}),
        schema(a={"type": "string", "x-mcp-header": "a\r\nb"}),
        schema(a={"type": "string", "x-mcp-header": 1}),
        schema(a={"type": "number", "x-mcp-header": "A"}),
        schema(a={"type": "object", "x-mcp-header": "A"}),
        schema(a={"type": ["string", "null"], "x-mcp-header": "A"}),
        schema(a=TEXT, b={"type": "string", "x-mcp-header": "region"}),
        schema(a={"type": "array", "items": TEXT}),
        {"anyOf": [schema(a=TEXT)]},
        {"$defs": {"a": TEXT}},
        {"x-mcp-header": "A", "type": "string"},
    ],
)
def test_invalid_mark_makes_a_tool_unusable(bad: dict[str, Any]) -> None:
    assert mirrors(bad) is None


def test_headers_say_what_arguments_say() -> None:
    found = {("a",): "A", ("b",): "B", ("c",): "C", ("d", "e"): "E", ("f",): "F", ("g",): "G"}
    arguments = {"a": "x y", "b": True, "c": None, "d": {"e": " é"}, "f": "", "g": 42}
    headers = headers_for(found, arguments)
    assert dict(headers) == {
        "Mcp-Param-A": "x y",
        "Mcp-Param-B": "true",
        "Mcp-Param-E": "=?base64?IMOp?=",
        "Mcp-Param-F": "",
        "Mcp-Param-G": "42",
    }
    agree(found, arguments, headers)
    agree({("g",): "G"}, {"g": 42.0}, [("mcp-param-g", "42")])


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"a": "x"}, []),
        ({}, [("Mcp-Param-A", "x")]),
        ({"a": "x"}, [("Mcp-Param-A", "y")]),
        ({"a": "x"}, [("Mcp-Param-A", "x"), ("mcp-param-a", "x")]),
        ({"a": "x"}, [("Mcp-Param-A", "=?base64?eA?=")]),
        ({"a": ["x"]}, [("Mcp-Param-A", "x")]),
        ({"a": 1}, [("Mcp-Param-A", "one")]),
        ({"a": 10**400}, [("Mcp-Param-A", "1")]),
    ],
)
def test_header_that_says_something_else_is_refused(
    arguments: dict[str, Any], headers: list[tuple[str, str]]
) -> None:
    with pytest.raises(ProtocolError, match=r"(?i)mcp-param-a"):
        agree({("a",): "A"}, arguments, headers)
