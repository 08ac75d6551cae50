"""An authorization server and the tool server that trusts it, on one port; what they do wrong is said by data."""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import aiohttp
from aiohttp import web

RESOURCE = "/.well-known/oauth-protected-resource/mcp"
AUTHORITY = "/.well-known/oauth-authorization-server/as"
TOOLS = ("whoami", "admin", "echo")


@dataclass
class OAuthServer:
    """`wrong` holds what is done wrong; `asked` every request to the authorization server's endpoints."""

    wrong: dict[str, Any] = field(default_factory=dict)
    lifetime: int = 3600
    scopes: str = "tools"
    clients: dict[str, str] = field(default_factory=dict)
    """Registered beforehand: id to secret."""
    subject: str = "alice"
    port: int = 0
    base: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    access: dict[str, dict[str, str]] = field(default_factory=dict)
    refresh: dict[str, dict[str, str]] = field(default_factory=dict)
    redeemed: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    bearers: list[str] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    registered: int = 0
    introspection: str = ""
    """Where another authorization server says what a token is (RFC 7662); empty: this one's own tokens."""

    @property
    def issuer(self) -> str:
        return f"{self.base}/as"

    @property
    def mcp(self) -> str:
        return f"{self.base}/mcp"

    def count(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get(RESOURCE, self.resource)
        app.router.add_get(AUTHORITY, self.metadata)
        app.router.add_get("/as/authorize", self.authorize)
        app.router.add_post("/as/token", self.token)
        app.router.add_post("/as/register", self.register)
        app.router.add_post("/as/revoke", self.revoke)
        app.router.add_post("/mcp", self.message)
        app.router.add_delete("/mcp", self.message)
        return app

    # --- published

    async def resource(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(("resource", {}))
        if "redirect" in self.wrong:
            raise web.HTTPFound(self.wrong["redirect"])
        if "huge" in self.wrong:
            return web.Response(text='{"resource": "' + "x" * 400_000 + '"}', content_type="application/json")
        return web.json_response(
            {
                "resource": self.wrong.get("resource", self.mcp),
                "authorization_servers": self.wrong.get("servers", [self.issuer]),
                "scopes_supported": ["tools", "admin"],
            }
        )

    async def metadata(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(("metadata", {}))
        found = {
            "issuer": self.wrong.get("issuer", self.issuer),
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": self.wrong.get("token_endpoint", f"{self.issuer}/token"),
            "registration_endpoint": f"{self.issuer}/register",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "code_challenge_methods_supported": self.wrong.get("pkce", ["S256"]),
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
            "authorization_response_iss_parameter_supported": True,
            "client_id_metadata_document_supported": bool(self.wrong.get("documents")),
        }
        if "no_registration" in self.wrong:
            del found["registration_endpoint"]
        return web.json_response(found)

    # --- the authorization server

    async def register(self, request: web.Request) -> web.StreamResponse:
        given = await request.json()
        self.asked.append(("register", {key: str(value) for key, value in given.items()}))
        self.registered += 1
        name = f"dynamic-{self.registered}"
        self.clients[name] = ""
        return web.json_response({**given, "client_id": name}, status=201)

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        given = dict(request.query)
        self.asked.append(("authorize", given))
        answer = {"state": given["state"], "iss": self.wrong.get("iss", self.issuer)}
        if "denied" in self.wrong:
            answer["error"] = self.wrong["denied"]
        else:
            code = answer["code"] = secrets.token_urlsafe(24)
            self.codes[code] = {**given, "subject": self.subject}
        if self.wrong.get("iss", "") is None:
            del answer["iss"]
        raise web.HTTPFound(f"{given['redirect_uri']}?{urlencode(answer)}")

    async def token(self, request: web.Request) -> web.StreamResponse:
        given = dict(parse_qsl((await request.read()).decode()))
        self.asked.append(("token", given))
        if "hang" in self.wrong:
            await self.let_go.wait()
        if "token_answer" in self.wrong:
            return web.Response(text=self.wrong["token_answer"], content_type="application/json")
        client = self._client(request, given)
        if client is None:
            return web.json_response({"error": "invalid_client"}, status=401)
        grant = getattr(self, f"_{given.get('grant_type', '')}", None)
        found = grant(client, given) if grant is not None else None
        if found is None:
            return web.json_response({"error": "invalid_grant", "error_description": str(given)}, status=400)
        return web.json_response(
            self._issued(client, found, lasting=given["grant_type"] != "client_credentials")
        )

    def _client(self, request: web.Request, given: dict[str, str]) -> str | None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            name, _, secret = base64.b64decode(value).decode().partition(":")
            name, secret = unquote(name), unquote(secret)
        else:
            name, secret = given.get("client_id", ""), given.get("client_secret", "")
        if name.startswith("https://") and self.wrong.get("documents"):
            return name
        return name if name in self.clients and self.clients[name] == secret else None

    def _authorization_code(self, client: str, given: dict[str, str]) -> dict[str, str] | None:
        code = given.get("code", "")
        if code in self.redeemed:
            self.access.clear()  # a replayed code ends what it gave
            self.refresh.clear()
        found = self.codes.pop(code, None)
        self.redeemed.add(code)
        verifier = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        if (
            found is None
            or found["client_id"] != client
            or found["redirect_uri"] != given.get("redirect_uri")
            or found["resource"] != given.get("resource")
            or base64.urlsafe_b64encode(verifier).decode().rstrip("=") != found["code_challenge"]
        ):
            return None
        return {"subject": found["subject"], "scope": found.get("scope", ""), "resource": found["resource"]}

    def _refresh_token(self, client: str, given: dict[str, str]) -> dict[str, str] | None:
        return self.refresh.pop(given.get("refresh_token", ""), None)

    def _client_credentials(self, client: str, given: dict[str, str]) -> dict[str, str] | None:
        return {"subject": client, "scope": given.get("scope", ""), "resource": given.get("resource", "")}

    def _issued(self, client: str, grant: dict[str, str], *, lasting: bool) -> dict[str, Any]:
        access, refresh = f"at-{secrets.token_urlsafe(24)}", f"rt-{secrets.token_urlsafe(24)}"
        self.access[access] = grant
        answer = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "scope": grant["scope"],
        }
        if lasting and "no_refresh" not in self.wrong:
            self.refresh[refresh] = grant
            answer["refresh_token"] = refresh
        return answer

    async def revoke(self, request: web.Request) -> web.StreamResponse:
        given = dict(parse_qsl((await request.read()).decode()))
        self.asked.append(("revoke", given))
        grant = self.refresh.pop(given["token"], None)
        for token in [token for token, found in self.access.items() if found is grant]:
            del self.access[token]
        return web.Response()

    # --- the tool server

    async def message(self, request: web.Request) -> web.StreamResponse:
        _, _, token = request.headers.get("authorization", "").partition(" ")
        grant = await self._introspected(token) if self.introspection else self.access.get(token)
        if token:
            self.bearers.append(token)
        if grant is None or grant["resource"] != self.wrong.get("resource", self.mcp):
            metadata = self.wrong.get("resource_metadata", self.base + RESOURCE)
            challenge = f'Bearer resource_metadata="{metadata}", scope="{self.scopes}"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        if request.method == "DELETE":
            return web.Response()
        message = await request.json()
        if "id" not in message:
            return web.Response(status=202)
        method, params = message["method"], message.get("params", {})
        if method == "tools/call" and params["name"] == "admin" and "admin" not in grant["scope"].split():
            challenge = 'Bearer error="insufficient_scope", scope="tools admin"'
            return web.Response(status=403, headers={"WWW-Authenticate": challenge})
        headers = {"Mcp-Session-Id": secrets.token_hex(8)} if method == "initialize" else {}
        result = _result(method, params, grant["subject"], f"{token} {request.headers.get('mcp-session-id')}")
        body = {"jsonrpc": "2.0", "id": message["id"], **result}
        return web.json_response(body, headers=headers)

    async def _introspected(self, token: str) -> dict[str, str] | None:
        form = {"token": token}
        pair = base64.b64encode(b"rs:rs-secret-0815").decode()
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Basic {pair}"}) as session,
            session.post(self.introspection, data=form) as answer,
        ):
            found = await answer.json()
        if not found.get("active"):
            return None
        subject = found.get("sub") or found["client_id"]
        return {"subject": subject, "scope": found.get("scope", ""), "resource": found["aud"]}


def _result(method: str, params: dict[str, Any], subject: str, heard: str) -> dict[str, Any]:
    if method == "initialize":
        info = {"name": "guarded", "version": "1"}
        return {
            "result": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
        }
    if method == "tools/list":
        return {"result": {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}}
    if method == "tools/call":
        text = heard if params["name"] == "echo" else subject
        return {"result": {"content": [{"type": "text", "text": text}]}}
    return {"error": {"code": -32601, "message": "unknown"}}


@asynccontextmanager
async def oauth_server(**given: Any) -> AsyncIterator[OAuthServer]:
    server = OAuthServer(**given)
    runner = web.AppRunner(server.application(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    server.base = f"http://127.0.0.1:{server.port}"
    try:
        yield server
    finally:
        server.let_go.set()
        await runner.cleanup()
