"""Paths are matched as they were sent: nothing is decoded, cleaned or guessed before the match."""

import pytest

from app.extensions import Route
from app.server.listen.router import Router


async def endpoint(request, params):
    raise AssertionError("no test sends a request")


def route(method: str, path: str) -> Route:
    return Route(method=method, path=path, endpoint=endpoint)


ROUTER = Router(
    [
        route("GET", "/v1/models"),
        route("POST", "/v1/models"),
        route("GET", "/v1/models/{id...}"),
        route("POST", "/mcp"),
        route("POST", "/mcp/{server}"),
        route("DELETE", "/mcp/{server}"),
        route("GET", "/api/v1/users/{name}/keys"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("GET", "/v1/models", {}),
        ("HEAD", "/v1/models", {}),
        ("GET", "/v1/models/a", {"id": "a"}),
        ("GET", "/v1/models/org/a%2Fb", {"id": "org/a/b"}),
        ("POST", "/mcp/files", {"server": "files"}),
        ("POST", "/mcp/a%2Fb", {"server": "a/b"}),
        ("POST", "/mcp/%252e", {"server": "%2e"}),
        ("GET", "/api/v1/users/%C3%A4/keys", {"name": "ä"}),
    ],
)
def test_parameters_are_decoded_once(method: str, path: str, params: dict[str, str]):
    found = ROUTER.find(method, path)
    assert found.route is not None
    assert dict(found.params) == params


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "*",
        "//mcp",
        "/mcp/",
        "/mcp//",
        "/mcp/a/b",
        "/./mcp",
        "/mcp/../mcp",
        "/MCP",
        "/%6dcp",
        "/v1/models/",
        "/v1//models",
    ],
)
def test_near_misses_are_not_found(path: str):
    found = ROUTER.find("POST", path)
    assert found.route is None


def test_other_methods_are_named():
    assert ROUTER.find("PUT", "/v1/models").allowed == ("GET", "POST")
    assert ROUTER.find("GET", "/mcp/files").allowed == ("DELETE", "POST")
    assert ROUTER.find("post", "/mcp").allowed == ("POST",)


def test_same_route_twice_is_an_error_of_the_program():
    with pytest.raises(ValueError, match="mounted twice"):
        Router([route("GET", "/a/{x}"), route("GET", "/a/{x}")])
