"""The OpenAPI 3.1 document, generated from the table of operations and their shapes."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from app import __version__
from app.api.operation import Operation, Refusal

_REFUSALS = {
    "400": "the request cannot be understood",
    "401": "nobody was recognised",
    "403": "not permitted",
    "404": "there is no such thing",
    "408": "the body did not arrive in time",
    "409": "contradicts what is there",
    "413": "the body is too large",
    "415": "the body is of another type",
    "429": "too many failed attempts",
    "502": "a server elsewhere failed",
    "503": "the record or the database is away",
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document, ready to be encoded."""
    shapes = [shape for op in operations for shape in (op.answer, op.body) if shape is not None]
    found, components = msgspec.json.schema_components(
        [Refusal, *shapes], ref_template="#/components/schemas/{name}"
    )
    refusal, schemas = found[0], iter(found[1:])
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        answer = next(schemas) if operation.answer is not None else None
        body = next(schemas) if operation.body is not None else None
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, answer, body, refusal
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sallyport admin API",
            "version": __version__,
            "description": "Every request is decided by policy and recorded before anything happens.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        },
    }


def _operation(operation: Operation, answer: Any, body: Any, refusal: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": f"Decided as `{operation.action}` on `{operation.kind}:{operation.about}`.",
        "tags": [operation.path.split("/")[3]],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": {
            **(
                {str(operation.status): _answer("done", answer)}
                if answer is not None
                else {"204": {"description": "done"}}
            ),
            **{status: _answer(text, refusal) for status, text in _REFUSALS.items()},
        },
    }
    if operation.takes_body:
        shape = {"type": "string"} if body is None else body
        told["requestBody"] = {"required": True, "content": {operation.media: {"schema": shape}}}
    return told


def _answer(text: str, shape: Any) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": shape}}}


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{([a-z]+)\}", operation.path)
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    (_,), components = msgspec.json.schema_components([operation.query])
    shape = components[operation.query.__name__]
    return [
        {"name": name, "in": "query", "required": name in shape.get("required", ()), "schema": schema}
        for name, schema in shape["properties"].items()
    ]
