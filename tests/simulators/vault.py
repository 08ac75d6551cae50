"""A vault by its documented wire format: AppRole and token sign-in, KV version 2 with versions, deletion and metadata."""

import itertools
from typing import Any

import msgspec
from aiohttp import web

from tests.simulators.collector import Collector

ROOT_TOKEN = "hvs.the-token-of-the-profile"
ROLE, SECRET = "role-1", "secret-id-1"


class VaultServer(Collector):
    """`sealed` answers 503 to everything; `forget` makes every token that was given unknown."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, list[dict[str, Any] | None]] = {}
        self.tokens: set[str] = {ROOT_TOKEN}
        self.refused_paths: set[str] = set()
        self.logins = 0
        self.sealed = False
        self.namespaces: set[str] = set()
        self._numbers = itertools.count(1)

    def put(self, path: str, **values: Any) -> None:
        """A new version at a path."""
        self.stored.setdefault(path, []).append(values)

    def delete(self, path: str) -> None:
        """Delete the newest version, as `vault kv delete` does."""
        self.stored[path][-1] = None

    def forget(self) -> None:
        """As after a restart of one that keeps tokens in memory, or when their lease ends."""
        self.tokens = {ROOT_TOKEN}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.namespaces.add(request.headers.get("x-vault-namespace", ""))
        path = request.path.removeprefix("/v1/")
        if self.sealed:
            return _errors(503, "Vault is sealed")
        if path == "auth/approle/login":
            return self._login(msgspec.json.decode(await request.read()))
        if request.headers.get("x-vault-token") not in self.tokens:
            return _errors(403, "permission denied")
        if path == "auth/token/renew-self":
            return _errors(400, "lease is not renewable")
        return self._read(path.removeprefix("secret/data/"))

    def _login(self, given: dict[str, str]) -> web.StreamResponse:
        if given != {"role_id": ROLE, "secret_id": SECRET}:
            return _errors(400, "invalid role or secret ID")
        self.logins += 1
        token = f"hvs.given-{next(self._numbers)}"
        self.tokens.add(token)
        auth = {"client_token": token, "lease_duration": 1200, "renewable": True, "policies": ["default"]}
        return web.json_response({"auth": auth, "data": None})

    def _read(self, path: str) -> web.StreamResponse:
        if path in self.refused_paths:
            return _errors(403, "permission denied")
        versions = self.stored.get(path)
        if versions is None:
            return web.json_response({"errors": []}, status=404)
        values = versions[-1]
        metadata = {
            "created_time": "2026-01-02T03:04:05.678Z",
            "custom_metadata": None,
            "deletion_time": "" if values is not None else "2026-01-03T03:04:05.678Z",
            "destroyed": False,
            "version": len(versions),
        }
        body = {"request_id": "1", "lease_id": "", "data": {"data": values, "metadata": metadata}}
        return web.json_response(body, status=200 if values is not None else 404)


def _errors(status: int, text: str) -> web.StreamResponse:
    return web.json_response({"errors": [text]}, status=status)
