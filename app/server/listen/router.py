"""Which endpoint answers a request: exact paths by dictionary, then patterns by their first segment."""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

import msgspec

from app.extensions import Params, Route

_NOTHING: Mapping[str, str] = {}


class Found(msgspec.Struct, frozen=True):
    """A route and its parameters; without a route, the methods that would have been allowed."""

    route: Route | None
    params: Params
    allowed: tuple[str, ...] = ()


class Router:
    """All routes of the server; two with the same method and path are an error of the program."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: dict[str, dict[str, dict[str, Route]]] = {}
        for route in self.routes:
            first = route.path.split("/", 2)[1]
            table = self._patterns.setdefault(first, {}) if "{" in route.path else self._exact
            methods = table.setdefault(route.path, {})
            if route.method in methods:
                raise ValueError(f"{route.method} {route.path} is mounted twice")
            methods[route.method] = route

    def find(self, method: str, path: str) -> Found:
        """The route of a request; `path` is the raw one, its parameters are decoded once."""
        methods = self._exact.get(path)
        if methods is not None and (route := _choose(methods, method)) is not None:
            return Found(route, _NOTHING)
        allowed = set(methods or ())
        for pattern, candidates in self._patterns.get(
            path.split("/", 2)[1] if "/" in path else "", {}
        ).items():
            params = _match(pattern, path)
            if params is None:
                continue
            if (route := _choose(candidates, method)) is not None:
                return Found(route, params)
            allowed |= set(candidates)
        return Found(None, _NOTHING, tuple(sorted(allowed)))


def _choose(methods: dict[str, Route], method: str) -> Route | None:
    found = methods.get(method)
    return methods.get("GET") if found is None and method == "HEAD" else found


def _match(pattern: str, path: str) -> dict[str, str] | None:
    wanted, given = pattern.split("/"), path.split("/")
    if wanted[-1].endswith("...}"):
        given = [*given[: len(wanted) - 1], "/".join(given[len(wanted) - 1 :])]
    if len(wanted) != len(given):
        return None
    params: dict[str, str] = {}
    for want, have in zip(wanted, given, strict=True):
        if want.startswith("{"):
            if not have:
                return None
            params[want.strip("{.}")] = unquote(have)
        elif want != have:
            return None
    return params
